/**
 * One way to ask the daemon something.
 * Rule: a call returns what was asked for or throws ApiError; what to do about it is the caller's matter.
 */

const DEADLINE_MS = 10_000;

/** Nobody knows whether the daemon did what was asked: it could not be heard. */
export const UNREACHABLE = "unreachable";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** True when the request may or may not have been carried out. */
  get outcomeUnknown(): boolean {
    return this.code === UNREACHABLE || this.status >= 500;
  }
}

type Listener = () => void;
let onLoggedOut: Listener = () => undefined;

/** Called whenever the daemon says that the session is over. */
export function whenLoggedOut(listener: Listener): void {
  onLoggedOut = listener;
}

interface Options {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export async function request<T>(path: string, options: Options = {}): Promise<T> {
  const response = await send(path, options);
  if (response.ok) {
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
  const error = await refusal(response);
  if (response.status === 401 && path !== "/api/session") onLoggedOut();
  throw error;
}

async function send(path: string, { method = "GET", body, headers, signal }: Options) {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    return await fetch(path, {
      method,
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...(method === "GET" ? {} : { "X-Zongji": "1" }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, UNREACHABLE, String(cause));
  }
}

async function refusal(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as {
      error: { code: string; message: string; fields?: Record<string, unknown> };
    };
    return new ApiError(response.status, error.code, error.message, error.fields);
  } catch {
    return new ApiError(response.status, "internal", response.statusText);
  }
}
