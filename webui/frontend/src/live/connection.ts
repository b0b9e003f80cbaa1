/**
 * The page's one websocket: opened with a fresh ticket each time, opened again whenever it is lost.
 * Rule: what arrives goes through the reducer; this class only opens, listens, asks and waits.
 */

import { api } from "@/api/api";
import { ApiError } from "@/api/client";
import { retryDelayMs } from "./backoff";
import { NOTHING_YET, take, type LiveState, type ServerMessage } from "./reducer";

export type PageName = "sidebar" | "board";

/** A socket that is open and says nothing for so long is no better than a closed one. */
const SILENCE_MS = 12_000;

export interface Listeners {
  onState(state: LiveState): void;
  /** Anything at all came: `serverAt` is the daemon's clock. */
  onHeard(serverAt: string): void;
  /** The stock of these products changed; null: perhaps of any, for something was missed. */
  onStock(skus: readonly string[] | null): void;
}

export class Connection {
  private socket: WebSocket | null = null;
  private state: LiveState = NOTHING_YET;
  private attempt = 0;
  private retry: number | undefined;
  private silence: number | undefined;
  private closed = false;

  constructor(
    private readonly page: PageName,
    private readonly listeners: Listeners,
  ) {}

  open(): void {
    void this.connect();
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.retry);
    this.drop();
  }

  private async connect(): Promise<void> {
    try {
      const { ticket } = await api.wsTicket();
      if (!this.closed) this.listen(ticket);
    } catch (error) {
      // Without a session there is nothing to come back to: the page moves to the log-in.
      if (error instanceof ApiError && error.status === 401) return;
      this.connectLater();
    }
  }

  private listen(ticket: string): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const query = new URLSearchParams({ ticket, page: this.page });
    const socket = new WebSocket(`${scheme}://${location.host}/ws?${query}`);
    socket.onmessage = (event) => this.hear(JSON.parse(String(event.data)) as ServerMessage);
    socket.onclose = () => this.lost();
    this.socket = socket;
    this.watchSilence();
  }

  private hear(message: ServerMessage): void {
    this.attempt = 0;
    this.watchSilence();
    const taken = take(this.state, message);
    if (taken.gap) this.socket?.send(JSON.stringify({ type: "snapshot" }));
    if (taken.state.collections !== this.state.collections) this.listeners.onState(taken.state);
    this.state = taken.state;
    this.listeners.onHeard(message.at);
    if (message.type === "stock") this.listeners.onStock(message.skus);
    if (message.type === "snapshot") this.listeners.onStock(null);
  }

  private watchSilence(): void {
    window.clearTimeout(this.silence);
    this.silence = window.setTimeout(() => this.lost(), SILENCE_MS);
  }

  private lost(): void {
    this.drop();
    this.connectLater();
  }

  private drop(): void {
    window.clearTimeout(this.silence);
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  private connectLater(): void {
    if (this.closed) return;
    this.state = { seq: null, collections: this.state.collections };
    window.clearTimeout(this.retry);
    this.retry = window.setTimeout(
      () => void this.connect(),
      retryDelayMs(this.attempt, Math.random()),
    );
    this.attempt += 1;
  }
}
