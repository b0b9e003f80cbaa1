import { describe, expect, it } from "vitest";
import { NOTHING_YET, take, type Collections, type LiveState, type ServerMessage } from "@/live/reducer";

const AT = "2026-11-23T06:00:00Z";

/** The daemon's side of the protocol: it keeps the truth and says what changed. */
class Daemon {
  seq = 0;
  truth: Record<string, Record<string, unknown>> = { queues: {}, agents: {} };

  snapshot(): ServerMessage {
    return { type: "snapshot", seq: this.seq, at: AT, state: structuredClone(this.truth) as Collections };
  }

  change(chance: () => number): ServerMessage {
    this.seq += 1;
    const name = chance() < 0.5 ? "queues" : "agents";
    const id = String(Math.floor(chance() * 6));
    const objects = this.truth[name] as Record<string, unknown>;
    if (chance() < 0.3) {
      delete objects[id];
      return { type: "change", seq: this.seq, at: AT, remove: { [name]: [Number(id)] } };
    }
    objects[id] = { value: chance() };
    return { type: "change", seq: this.seq, at: AT, set: { [name]: { [id]: objects[id] } } };
  }
}

/** Small, fast and the same each run (mulberry32). */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const all = (state: LiveState, messages: ServerMessage[]) =>
  messages.reduce((before, message) => take(before, message).state, state);

describe("the page's copy of the daemon's state", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("is a fresh snapshot after any changes (seed %i)", (seed) => {
    const chance = chances(seed);
    const daemon = new Daemon();
    const messages = [daemon.snapshot()];
    for (let n = 0; n < 200; n += 1) messages.push(daemon.change(chance));
    const followed = all(NOTHING_YET, messages);
    expect(followed).toEqual(all(NOTHING_YET, [daemon.snapshot()]));
  });

  it("is as it was when stock is told, which shows a gap as a heartbeat does", () => {
    const daemon = new Daemon();
    const state = all(NOTHING_YET, [daemon.snapshot()]);
    const told = (seq: number): ServerMessage => ({ type: "stock", seq, at: AT, skus: ["A"] });
    expect(take(state, told(0))).toEqual({ state, gap: false });
    expect(take(state, told(1)).gap).toBe(true);
  });

  it("asks for the snapshot once when a change is missing, and is whole again after it", () => {
    const chance = chances(9);
    const daemon = new Daemon();
    const started = all(NOTHING_YET, [daemon.snapshot(), daemon.change(chance)]);
    daemon.change(chance);
    const first = take(started, daemon.change(chance));
    const second = take(first.state, daemon.change(chance));
    expect([first.gap, second.gap]).toEqual([true, false]);
    expect(second.state.collections).toEqual(started.collections);
    expect(all(second.state, [daemon.snapshot()])).toEqual(all(NOTHING_YET, [daemon.snapshot()]));
  });

  it("sees a missing last change from the next heartbeat", () => {
    const daemon = new Daemon();
    const started = all(NOTHING_YET, [daemon.snapshot()]);
    const heartbeat = (seq: number): ServerMessage => ({ type: "heartbeat", seq, at: AT });
    expect(take(started, heartbeat(0)).gap).toBe(false);
    expect(take(started, heartbeat(1)).gap).toBe(true);
    expect(take(NOTHING_YET, heartbeat(1)).gap).toBe(false);
  });

  it("takes a change that it already knows only once", () => {
    const daemon = new Daemon();
    const change = daemon.change(chances(3));
    const state = all(NOTHING_YET, [daemon.snapshot()]);
    expect(take(state, change)).toEqual({ state, gap: false });
  });

  it("leaves what did not change untouched, so that only changed parts are drawn again", () => {
    const state: LiveState = { seq: 1, collections: { a: { "1": { n: 1 } }, b: { "1": { n: 1 } } } };
    const next = take(state, { type: "change", seq: 2, at: AT, set: { a: { "2": { n: 2 } } } }).state;
    expect(next.collections["b"]).toBe(state.collections["b"]);
    expect(next.collections["a"]?.["1"]).toBe(state.collections["a"]?.["1"]);
    expect(state.collections["a"]).not.toHaveProperty("2");
  });

  it("passes over a kind of message that it does not know", () => {
    const message = { type: "weather", seq: 9, at: AT } as unknown as ServerMessage;
    expect(take(NOTHING_YET, message)).toEqual({ state: NOTHING_YET, gap: false });
  });
});
