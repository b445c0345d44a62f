import { describe, expect, test } from "vitest";
import {
  a,
  cname,
  decodeQuery,
  encodeMessage,
  type MessageSpec,
  pointer,
  QUESTION_AT,
  soa,
} from "../../dns/codec.js";
import { placeOfName, putName, withQuery } from "./stage.js";

const FILE = "services/dns_message";
const MESSAGE = 40000;

function stage() {
  const staged = withQuery();
  putName(staged, "www.example");
  staged.q.id = 0x3412;
  staged.q.ttl = 1000;
  const put = (spec: Partial<MessageSpec>): number => {
    const octets = encodeMessage({ id: 0x1234, questions: [{ name: "WWW.example" }], ...spec });
    staged.core.memory.set(octets, MESSAGE);
    return MESSAGE + octets.length;
  };
  return { ...staged, put };
}

test("writeQuestion, with EDNS0 and without", () => {
  const { core, at, q } = stage();
  const { writeQuestion } = core.functions(FILE, "writeQuestion");
  const base = { id: 0x1234, flags: 0x100, name: "www.example", type: 1, class: 1 };
  expect(decodeQuery(core.memory.slice(MESSAGE, MESSAGE + writeQuestion(at, MESSAGE)))).toEqual({
    ...base,
    udpBytes: 1232,
  });
  q.plain = core.constant("wire/dns", "OPT_BYTES");
  core.memory.fill(0xff, MESSAGE, MESSAGE + 300);
  expect(decodeQuery(core.memory.slice(MESSAGE, MESSAGE + writeQuestion(at, MESSAGE)))).toEqual(base);
});

test("rcode and truncated", () => {
  const { core, put } = stage();
  const functions = core.functions(FILE, "rcode", "truncated");
  for (let code = 0; code < 16; code++)
    for (const truncated of [false, true]) {
      put({ rcode: code, truncated });
      expect([functions.rcode(MESSAGE), Boolean(functions.truncated(MESSAGE))]).toEqual([code, truncated]);
    }
});

test("isAnswer wants header and id, recordsAt the question", () => {
  const { core, at, put } = stage();
  const { isAnswer, recordsAt } = core.functions(FILE, "isAnswer", "recordsAt");
  const end = put({});
  expect([isAnswer(at, MESSAGE, end), recordsAt(at, MESSAGE, end)]).toEqual([true, end]);
  for (let cut = 0; cut < end - MESSAGE; cut++) {
    expect(isAnswer(at, MESSAGE, MESSAGE + cut)).toBe(cut >= 12);
    if (cut >= 12) expect(recordsAt(at, MESSAGE, MESSAGE + cut)).toBe(0);
  }
  expect(isAnswer(at, MESSAGE, put({ id: 0x1235 }))).toBe(false);
  expect(isAnswer(at, MESSAGE, put({ answer: false }))).toBe(false);
  expect(isAnswer(at, MESSAGE, put({ opcode: 1 }))).toBe(false);
  expect(recordsAt(at, MESSAGE, put({ questions: [] }))).toBe(0);
  expect(recordsAt(at, MESSAGE, put({ questions: [{ name: "www.example", type: 2 }] }))).toBe(0);
  expect(recordsAt(at, MESSAGE, put({ questions: [{ name: "www.exampl" }] }))).toBe(0);
});

describe("readRecords", () => {
  const QUESTION_END = MESSAGE + 12 + 13 + 4;
  const self = pointer(QUESTION_AT);

  test.each<
    [string, Partial<MessageSpec>, { found: number; addresses: number; ttl: number; aliases: number }]
  >([
    ["nothing", {}, { found: 8, addresses: 0, ttl: 1000, aliases: 0 }],
    [
      "addresses",
      { answers: [a(self, "1.1.1.1", 9), a(self, "1.1.1.2", 8)] },
      { found: 9, addresses: 2, ttl: 8, aliases: 0 },
    ],
    [
      "an alias",
      { answers: [cname(self, "b"), a("b", "1.1.1.1", 7)] },
      { found: 13, addresses: 1, ttl: 7, aliases: 1 },
    ],
    ["an SOA", { authorities: [soa("example", 40, 50)] }, { found: 14, addresses: 0, ttl: 40, aliases: 0 }],
    [
      "both",
      { answers: [a(self, "1.1.1.1", 9)], authorities: [soa("e", 4)] },
      { found: 9, addresses: 1, ttl: 9, aliases: 0 },
    ],
    ["an SOA as an answer", { answers: [soa(self, 40)] }, { found: 8, addresses: 0, ttl: 1000, aliases: 0 }],
    [
      "a lie",
      { answers: [a(self, "1.1.1.1", 9)], counts: [1, 2] },
      { found: 0, addresses: 1, ttl: 9, aliases: 0 },
    ],
  ])("%s", (_what, spec, { found, ...fields }) => {
    const { core, at, q, put } = stage();
    const end = put(spec);
    expect(core.functions(FILE, "readRecords").readRecords(at, MESSAGE, QUESTION_END, end, 0)).toBe(found);
    const { addresses, ttl, aliases } = q;
    expect({ addresses, ttl, aliases }).toEqual(fields);
  });

  test("a message that is cut off is used as far as it goes", () => {
    const { core, at, q, put } = stage();
    const { readRecords } = core.functions(FILE, "readRecords");
    const end = put({ answers: [a(self, "1.1.1.1"), a(self, "1.1.1.2")] });
    expect(readRecords(at, MESSAGE, QUESTION_END, end - 1, 1)).toBe(9);
    expect(q.addresses).toBe(1);
  });

  test("the alias's target stands in the query", () => {
    const staged = stage();
    const end = staged.put({ answers: [cname(self, "B.Example")] });
    staged.core.functions(FILE, "readRecords").readRecords(staged.at, MESSAGE, QUESTION_END, end, 0);
    const at = placeOfName(staged);
    expect(String.fromCharCode(...staged.core.memory.slice(at, at + 11))).toBe("\u0001b\u0007example\0");
  });
});
