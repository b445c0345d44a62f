import { expect, test } from "vitest";
import { encodeName } from "../../dns/codec.js";
import { placeOfName, putName, type Staged, withQuery } from "./stage.js";

const FILE = "services/dns_cache";

function key(staged: Staged, name: string): bigint {
  putName(staged, name);
  const { keyOf } = staged.core.functions(FILE, "keyOf");
  return keyOf(placeOfName(staged), encodeName(name).length) as unknown as bigint;
}

test("keyOf differs with every octet of the name, and with the seed", () => {
  const staged = withQuery();
  const names = ["a", "b", "ab", "ba", "abc", "abcd", "abcde", "abcdf", "a.b", "x".repeat(63)];
  const keys = names.map((name) => key(staged, name));
  expect(new Set(keys).size).toBe(names.length);
  expect(names.map((name) => key(staged, name))).toEqual(keys);
  const other = withQuery({ seed: new Uint8Array(32).fill(9) });
  expect(key(other, "a")).not.toBe(keys[0]);
});

test("what keep keeps, recall gives back, until it ends", () => {
  const { core, at, q } = withQuery();
  const { keep, recall } = core.functions(FILE, "keep", "recall");
  const { addAddress } = core.functions("services/dns_query", "addAddress");
  const { advanceClock } = core.functions("lib/clock", "advanceClock");
  const setKey = (value: bigint) =>
    core.view.setBigUint64(at + core.sizeOf("services/dns_query", "Query") - 20, value, true);
  setKey(77n);
  expect(recall(at)).toBe(false);
  core.memory.set([1, 2, 3, 4], 2000);
  addAddress(at, 2000, 4);
  q.ttl = 0;
  keep(at);
  expect(recall(at)).toBe(false);
  q.ttl = 2;
  keep(at);
  q.addresses = 0;
  expect(recall(at)).toBe(true);
  expect(q.addresses).toBe(1);
  setKey(78n);
  expect(recall(at)).toBe(false);
  setKey(77n);
  advanceClock(1999);
  expect(recall(at)).toBe(true);
  advanceClock(2000);
  expect(recall(at)).toBe(false);
});

test("no cache", () => {
  const { core, at, q } = withQuery({ cacheEntries: 0 });
  const { keep, recall } = core.functions(FILE, "keep", "recall");
  q.ttl = 5;
  keep(at);
  expect(recall(at)).toBe(false);
});
