// abi_constants.ts has no code. That what is generated from it is fresh is in test/generated.test.ts; here is that the
// compiler lays its records out as the generator says.

import { expect, test } from "vitest";
import {
  ConfigLayout,
  Counter,
  EndpointLayout,
  STATE_BASE,
  StateHeaderLayout,
  TcpInfoLayout,
} from "../../host/abi.js";
import { UnitCore } from "./core.js";

const core = new UnitCore(null);

test("the records that stand one behind the other at fixed addresses", () => {
  const at = (name: string) => core.constant("config", name);
  expect(at("header")).toBe(STATE_BASE);
  expect(at("config") - at("header")).toBe(StateHeaderLayout.size);
  expect(at("state") - at("config")).toBe(ConfigLayout.size);
});

test("TcpInfo is a part of the connection record, field by field", () => {
  const renamed: Record<string, string> = { sendMss: "sndMss", receiveMss: "rcvMss", rtt8: "srtt8" };
  Object.assign(renamed, { sendScale: "sndScale", state: "unacked" });
  Object.assign(renamed, { sendQueued: "sendBytes", receiveQueued: "receiveBytes" });
  const t = core.tcb(4096) as unknown as Record<string, number>;
  core.tcb(4096).sndUna = 0x01020304;
  const start = core.memory.indexOf(4, 4096);
  for (const [name, { offset, type }] of Object.entries(TcpInfoLayout.fields)) {
    core.memory.fill(0, 4096, 4096 + 256);
    core.memory[start + offset] = 0x5a;
    expect(t[renamed[name] ?? name], name).toBe(0x5a);
    expect(["u8", "u16", "u32"]).toContain(type.replace("i", "u"));
  }
});

test("counters are numbered without a gap", () => {
  const numbers = Object.entries(Counter)
    .filter(([name]) => name !== "COUNT")
    .map(([, number]) => number);
  expect(numbers).toEqual(Array.from({ length: Counter.COUNT }, (_, index) => index));
});

test("a record of every kind fits into the exchange area", () => {
  for (const { size } of [ConfigLayout, EndpointLayout, TcpInfoLayout]) expect(size).toBeLessThanOrEqual(192);
});
