/**
 * What a page knows, as a pure function of what it was told.
 * Rule: snapshot + changes = a fresh snapshot; a number that does not follow is a gap, and a page
 * with a gap keeps what it had and asks for the snapshot again.
 */

export type Collection = Readonly<Record<string, unknown>>;
export type Collections = Readonly<Record<string, Collection>>;

export interface SnapshotMessage {
  type: "snapshot";
  seq: number;
  at: string;
  state: Collections;
}

export interface ChangeMessage {
  type: "change";
  seq: number;
  at: string;
  set?: Collections;
  remove?: Readonly<Record<string, readonly (string | number)[]>>;
}

export interface HeartbeatMessage {
  type: "heartbeat";
  seq: number;
  at: string;
}

/** Products whose stock changed; no part of the state. */
export interface StockMessage {
  type: "stock";
  seq: number;
  at: string;
  skus: readonly string[];
}

export type ServerMessage = SnapshotMessage | ChangeMessage | HeartbeatMessage | StockMessage;

export interface LiveState {
  /** Number of the last message taken in; null before the first snapshot and after a gap. */
  readonly seq: number | null;
  readonly collections: Collections;
}

export const NOTHING_YET: LiveState = { seq: null, collections: {} };

export interface Taken {
  readonly state: LiveState;
  /** The page must ask for the snapshot. */
  readonly gap: boolean;
}

export function take(state: LiveState, message: ServerMessage): Taken {
  switch (message.type) {
    case "snapshot":
      return { state: { seq: message.seq, collections: message.state }, gap: false };
    case "change":
      return takeChange(state, message);
    case "heartbeat":
    case "stock":
      return state.seq === message.seq || state.seq === null
        ? { state, gap: false }
        : withGap(state);
    default:
      return { state, gap: false };
  }
}

/** A page that already waits for its snapshot (seq null) does not ask a second time. */
function takeChange(state: LiveState, change: ChangeMessage): Taken {
  if (state.seq === null || change.seq <= state.seq) return { state, gap: false };
  if (change.seq !== state.seq + 1) return withGap(state);
  return {
    state: { seq: change.seq, collections: applied(state.collections, change) },
    gap: false,
  };
}

function withGap(state: LiveState): Taken {
  return { state: { seq: null, collections: state.collections }, gap: true };
}

function applied(collections: Collections, { set = {}, remove = {} }: ChangeMessage): Collections {
  const next: Record<string, Collection> = { ...collections };
  for (const [name, objects] of Object.entries(set)) {
    next[name] = { ...next[name], ...objects };
  }
  for (const [name, ids] of Object.entries(remove)) {
    const gone = new Set(ids.map(String));
    next[name] = Object.fromEntries(
      Object.entries(next[name] ?? {}).filter(([id]) => !gone.has(id)),
    );
  }
  return next;
}
