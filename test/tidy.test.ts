// The project's habits, kept by tests over its sources.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FUNCTION_LINES, parse, type Source, TIDY_RULES, type TidyRule } from "./tidy_rules.js";

const ROOT = new URL("../", import.meta.url);

function sourcesIn(folder: string): Source[] {
  const names = readdirSync(new URL(`${folder}/`, ROOT), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .map((path) => parse(path, readFileSync(new URL(path, ROOT), "utf8")));
}

describe("the sources", () => {
  const sources = [...sourcesIn("assembly"), ...sourcesIn("host")];

  test("are all found", () => {
    const paths = sources.map(({ path }) => path);
    for (const path of ["assembly/abi.ts", "host/core.ts", "host/engines/v8.ts", "host/packet/tcp.ts"])
      expect(paths).toContain(path);
  });

  test.each(Object.entries<TidyRule>(TIDY_RULES))("%s", (_name, rule) => {
    expect(sources.flatMap(rule)).toEqual([]);
  });
});

describe("the rules can fail", () => {
  interface Sample {
    readonly rule: keyof typeof TIDY_RULES;
    readonly path: string;
    readonly good: string;
    readonly bad: readonly string[];
  }

  const lines = (count: number) => `function f(): void {\n${"g();\n".repeat(count - 2)}}`;

  const samples: readonly Sample[] = [
    {
      rule: "assembly imports downwards only",
      path: "assembly/net/arp.ts",
      good: `import { a } from "./link"; import { b } from "../wire/arp"; import { c } from "../config";`,
      bad: [
        `import { a } from "../tcp/tcb";`,
        `import { a } from "../stack";`,
        `export { a } from "../abi";`,
        `import { a } from "../../host/abi";`,
        `import { a } from "somewhere";`,
        `import { a } from "../elsewhere/a";`,
      ],
    },
    {
      rule: "assembly imports downwards only",
      path: "assembly/tcp/output.ts",
      good: `import { a } from "./seq"; import { b } from "../net/ipv4"; import { c } from "../lib/ring";`,
      bad: [`import { a } from "../udp/user";`, `import { a } from "../services/dns";`],
    },
    {
      rule: "assembly imports downwards only",
      path: "assembly/config.ts",
      good: `import { a } from "./abi_constants";`,
      bad: [`import { a } from "./lib/ring";`, `import { a } from "./abi";`],
    },
    {
      rule: "the host imports neither tests nor the core's sources",
      path: "host/net.ts",
      good: `import { a } from "./core.js"; import net from "node:net";`,
      bad: [
        `import { a } from "../test/packet/bytes.js";`,
        `import type { a } from "../assembly/abi.js";`,
        `const a = await import("../test/a.js");`,
        `type A = import("../test/a.js").A;`,
      ],
    },
    {
      rule: "the packet codec imports nothing but itself",
      path: "host/packet/arp.ts",
      good: `import { a } from "./ethernet.js"; export * from "./ipv4.js";`,
      bad: [`import { a } from "../address.js";`, `import { a } from "node:net";`],
    },
    {
      rule: "functions have at most 70 lines",
      path: "host/net.ts",
      good: lines(FUNCTION_LINES),
      bad: [lines(FUNCTION_LINES + 1), `class A { ${lines(71).replace("function", "")} }`],
    },
    {
      rule: "functions have at most 70 lines",
      path: "assembly/tcp/input.ts",
      good: `@inline\n${lines(FUNCTION_LINES - 1)}`,
      bad: [lines(FUNCTION_LINES + 1)],
    },
    {
      rule: "exported functions have a doc comment",
      path: "assembly/lib/ring.ts",
      good: "/** Does. */\n@inline\nexport function f(): void {}\nfunction g(): void {}",
      bad: ["export function f(): void {}", "// Does.\n@inline\nexport function f(): void {}"],
    },
    {
      rule: "sequence numbers are compared in seq.ts only",
      path: "assembly/tcp/ack.ts",
      good: `
        if (tcb.sndNxt - tcb.sndUna < tcb.sndWnd) f();
        if (tcb.sndWnd > tcb.sndMss) f();
        if (tcb.rcvMss >= 536 && tcb.sndUna == segment.ack) f();
        if (edge - tcb.rcvAdv >= tcb.rcvMss) f();
        if (length <= tcb.ringBytes) f();
        if (<i32>tcb.state >= TcpState.ESTABLISHED) f();
        if (before(tcb.sndUna, segment.ack)) f();`,
      bad: [
        "if (tcb.sndUna < segment.ack) f();",
        "if (tcb.sndMax < limit) f();",
        "if (<i32>ahead > 0) f();",
        "if (limit >= tcb.rcvNxt) f();",
        "if (seq + length > limit) f();",
        "if (<u32>(tcb.iss) <= limit) f();",
        "if (tcb.sndNxt - 1 > limit) f();",
        "if (<i32>(tcb.sndUna - segment.ack) < 0) f();",
        "if (((tcb.sndUna - segment.seq) as i32) < 0) f();",
        "const late = segmentSeq > limit;",
      ],
    },
    {
      rule: "the connection's state is written by setState only",
      path: "assembly/tcp/input.ts",
      good: `
        function setState(t: Tcb, s: u8): void { t.state = s; }
        if (t.state == 4) f();
        state.now = 1;
        function tell(t: Tcb): void { const info = changetype<TcpInfo>(64); info.state = t.state; }`,
      bad: [
        "function f(t: Tcb): void { t.state = 4; }",
        "t.state = 4;",
        "function f(t: Tcb): void { t.state += 1; }",
      ],
    },
    {
      rule: "assembly has no top-level variables",
      path: "assembly/lib/ring.ts",
      good: "export const A: u32 = 1;\nfunction f(): void { let a = 1; }",
      bad: ["let a: u32 = 1;", "export let a: u32 = 1;", "var a: u32 = 1;"],
    },
    {
      rule: "assembly allocates nothing",
      path: "assembly/lib/ring.ts",
      good: `import { a } from "../config";\nconst a = changetype<A>(64);\nif (a) ERROR("too long");`,
      bad: [
        "const a = new A();",
        "const a = [1, 2];",
        `const a = "text";`,
        "const a = {};",
        "const a = `x`;",
      ],
    },
  ];

  test.each(samples)("$rule, in $path", ({ rule, path, good, bad }) => {
    const check: TidyRule = TIDY_RULES[rule];
    expect(check(parse(path, good))).toEqual([]);
    for (const text of bad) expect(check(parse(path, text)), text).toHaveLength(1);
  });

  test("every rule has a sample", () => {
    expect(new Set(samples.map(({ rule }) => rule))).toEqual(new Set(Object.keys(TIDY_RULES)));
  });

  test("what breaks a rule is named by file and line", () => {
    const rule = TIDY_RULES["assembly has no top-level variables"];
    expect(rule(parse("assembly/a.ts", "\n\nlet a = 1;"))).toEqual(["assembly/a.ts:3: let a = 1;"]);
  });
});
