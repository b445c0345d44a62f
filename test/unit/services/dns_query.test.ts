import { expect, test } from "vitest";
import { withQuery } from "./stage.js";

const FILE = "services/dns_query";

test("queryOf knows the handles of open queries only", () => {
  const { core, at, handle } = withQuery({ listeners: 1, connections: 3 });
  const { queryOf, queryAt, queriesBegin } = core.functions(FILE, "queryOf", "queryAt", "queriesBegin");
  expect(queriesBegin()).toBe(4);
  expect(handle).toBe(5);
  expect(queryOf(handle)).toBe(at);
  expect(queryAt(0)).toBe(at);
  expect(queryAt(1) - at).toBe(core.constant("config", "QUERY_BYTES"));
  for (const other of [0, -1, 4, 6, 7, handle + 0x10000, handle - 1]) expect(queryOf(other)).toBe(0);
  core.functions("services/dns", "end").end(at);
  expect(queryOf(handle)).toBe(0);
});

test("addAddress keeps four", () => {
  const { core, at, q } = withQuery();
  const { addAddress, addressesOf, nameOf } = core.functions(FILE, "addAddress", "addressesOf", "nameOf");
  for (let index = 1; index <= 5; index++) {
    core.memory.set([10, 0, 0, index], 2001);
    addAddress(at, 2001, 4);
    expect(q.addresses).toBe(Math.min(index, 4));
  }
  const list = addressesOf(at);
  expect(nameOf(at) - list).toBe(64);
  for (let index = 0; index < 4; index++)
    expect([...core.memory.subarray(list + index * 16, list + index * 16 + 16)]).toEqual([
      ...[10, 0, 0, index + 1],
      ...Array(12).fill(0),
    ]);
  expect(core.memory[nameOf(at)]).toBe(0);
});
