import { describe, expect, it } from "vitest";
import type { Pop } from "@/api/types";
import { finishedCalls, inOrder, keptPops } from "@/pops/kept";

const AT = "2026-11-23T06:00:00Z";
const nothing = () => false;
const nobody = new Set<string>();

function pop(call_id: string, more: Partial<Pop> = {}): Pop {
  return {
    call_id,
    direction: "inbound",
    state: "talking",
    caller: "13800138000",
    caller_display: "138****8000",
    place: null,
    did: null,
    medium: null,
    queue: { name: "north", label_zh: "华北", label_en: "North China" },
    why: [],
    menu_path: [],
    offered_at: AT,
    answered_at: AT,
    ended_at: null,
    recording: null,
    pause_reason: null,
    customer: null,
    survey: false,
  blacklisted: null,
    ...more,
  };
}

describe("the pops on the agent's screen", () => {
  it("an answered call stays, as ended, when the daemon no longer lists it", () => {
    expect(keptPops({ a: pop("a") }, {}, nobody, nothing)).toEqual({ a: pop("a", { state: "ended" }) });
  });

  it("an offer that went to somebody else goes away", () => {
    const offered = pop("a", { state: "ringing", answered_at: null });
    expect(keptPops({ a: offered }, {}, nobody, nothing)).toEqual({});
  });

  it("an unfinished order keeps even an unanswered call", () => {
    const offered = pop("a", { state: "ringing", answered_at: null });
    expect(keptPops({ a: offered }, {}, nobody, () => true)).toHaveProperty("a");
  });

  it("what the agent closed does not come back while the daemon still lists it", () => {
    expect(keptPops({}, { a: pop("a") }, new Set(["a"]), nothing)).toEqual({});
  });

  it("the end of wrap-up takes ended calls without an unfinished order", () => {
    const pops = { a: pop("a", { state: "ended" }), b: pop("b", { state: "ended" }), c: pop("c") };
    expect(finishedCalls(pops, (callId) => callId === "b")).toEqual(["a"]);
  });

  it("tabs stand in the order of arrival", () => {
    const later = pop("a", { offered_at: "2026-11-23T06:01:00Z" });
    expect(inOrder({ a: later, b: pop("b") }).map(({ call_id }) => call_id)).toEqual(["b", "a"]);
  });
});
