import { beforeEach, expect, test } from "vitest";
import { Status } from "../../../host/abi.js";
import { address, UnitCore } from "../core.js";

let core: UnitCore;
let groups: ReturnType<typeof functionsOf>;
const functionsOf = (unit: UnitCore) =>
  unit.functions("net/groups", "isJoined", "join", "leave", "neighbour");

beforeEach(() => {
  core = new UnitCore();
  groups = functionsOf(core);
});

/** Never 224.0.0.1, which is nobody's to leave. */
const group = (last: number) => address(`224.0.1.${last}`);
const [A, B] = [4096, 8192];

test("a place for each socket in each group, four in all", () => {
  expect([groups.join(group(1), A), groups.join(group(1), B), groups.join(group(1), A)]).toEqual([0, 0, 0]);
  expect([groups.join(group(2), A), groups.join(group(3), A)]).toEqual([0, 0]);
  expect(groups.join(group(4), A)).toBe(Status.NO_SOCKET);
  expect([1, 2, 3, 4].map((last) => groups.isJoined(group(last)))).toEqual([true, true, true, false]);
});

test("leave one, or all", () => {
  for (const last of [1, 2]) groups.join(group(last), A);
  groups.join(group(1), B);
  expect(groups.leave(group(3), A)).toBe(Status.INVALID_ARGUMENT);
  expect(groups.leave(group(2), B)).toBe(Status.INVALID_ARGUMENT);
  expect(groups.leave(group(2), A)).toBe(Status.OK);
  expect([groups.isJoined(group(1)), groups.isJoined(group(2))]).toEqual([true, false]);
  groups.leave(0, A);
  expect(groups.isJoined(group(1))).toBe(true);
  groups.leave(0, B);
  expect(groups.isJoined(group(1))).toBe(false);
  expect(groups.leave(0, B)).toBe(Status.INVALID_ARGUMENT);
});

test("what is no group is never joined: an empty place is not that of 0.0.0.0", () => {
  for (const text of ["0.0.0.0", "10.0.0.2", "255.255.255.255"])
    expect(groups.isJoined(address(text))).toBe(false);
});

test("neighbour: the 23 bits of RFC 1112 section 6.4, or all ones", () => {
  const mac = (text: string) => {
    const at = groups.neighbour(address(text));
    return Buffer.from(core.memory.subarray(at, at + 6)).toString("hex");
  };
  expect(mac("224.128.64.32")).toBe("01005e004020");
  expect(mac("239.255.255.255")).toBe("01005e7fffff");
  expect([mac("255.255.255.255"), mac("10.0.0.255")]).toEqual(["ffffffffffff", "ffffffffffff"]);
});
