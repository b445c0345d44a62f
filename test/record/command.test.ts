// `ferrule replay`: what it prints, its exit codes, and files as processes leave them.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engineNamed } from "../../host/engines/engines.js";
import { captureWriter } from "../../host/link/capture.js";
import { REPLAY_HELP, replay } from "../../host/record/command.js";
import { VirtualClock } from "../../host/sim/clock.js";
import { missingTools, root } from "../report/tools.js";
import { mutatedModule, recordedPair, recordedServices, standardWasm, wasm } from "./support.js";

/** How long a child process may take, in milliseconds. */
const PATIENCE_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), "ferrule-replay-"));
const path = join(folder, "run.pcapng");
let file: Buffer;

/** A connection, a few bytes in both directions, and its end. */
beforeAll(async () => {
  const pair = recordedPair();
  const { clock, recorder, left, right } = pair;
  right.createServer({}, (socket) => socket.pipe(socket)).listen({ port: 7 });
  const socket = left.connect({ host: "10.0.0.2", port: 7 });
  socket.resume();
  socket.write("what is said comes back");
  await clock.settle(1000);
  recorder.close();
  file = pair.file();
  writeFileSync(path, file);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command; what it prints, and its exit code. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await replay(args, {
    modules: () => [wasm, standardWasm],
    engine: engineNamed,
    out: (line) => out.push(line),
    err: (line) => err.push(line),
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

function changed(name: string, at: number): string {
  const bad = Buffer.from(file);
  bad[at] = (bad[at] as number) ^ 0x20;
  const to = join(folder, name);
  writeFileSync(to, bad);
  return to;
}

test.for([
  ["wasm3", ["gcc", "wasm3"]],
  ["aot", ["gcc"]],
] as const)("what V8 did comes out the same on %s", async ([name, needed], { skip }) => {
  const reason = missingTools(...needed);
  if (reason) skip(reason);
  const { code, out } = await run(path, "--engine", name);
  expect(out).toMatch(/: no difference$/);
  expect(code).toBe(0);
});

describe("exit codes and what is said", () => {
  test("0 for no difference", async () => {
    const { code, out, err } = await run(path);
    expect(out).toMatch(
      /^replay: .*run\.pcapng: \d+ calls of left, right, \d+ frames, \d+ checksums of the state: no difference$/,
    );
    expect([code, err]).toEqual([0, ""]);
  });

  test("0 and a word for a file that breaks off", async () => {
    const cut = join(folder, "cut.pcapng");
    writeFileSync(cut, file.subarray(0, file.length - 1001));
    const { code, out } = await run(cut);
    expect(out).toMatch(/the file breaks off at offset \d+, .*\n.*: no difference$/);
    expect(code).toBe(0);
  });

  test("1 for damage, which is named, and for the difference that it makes", async () => {
    const { code, out } = await run(changed("data.pcapng", file.indexOf("what is said") + 3));
    expect(out).toMatch(
      /^damaged: block \d+ \(call\) at offset \d+, octets \d+ to \d+, after call \d+: the checksum says/,
    );
    expect(out).toMatch(/\ndifferent: call \d+, 4294962\.\d{9} s, core "left"\n {2}output\(/);
    expect(out).toMatch(/\n {2}the frame differs from octet \d+ on\n/);
    expect(out).toMatch(/\n {2}recorded: 10\.0\.0\.1:\d+ > 10\.0\.0\.2:7 \[PSH, ACK\]/);
    expect(out).toMatch(/\n {2}came: {5}10\.0\.0\.1:\d+ > 10\.0\.0\.2:7 \[PSH, ACK\]/);
    expect(out).toMatch(/: damaged at 1 place, different at call \d+$/);
    expect(code).toBe(1);
  });

  test("1 for damage that makes no difference", async () => {
    const { code, out } = await run(changed("comment.pcapng", file.indexOf("A recording of") + 3));
    expect(out).toMatch(
      /^damaged: block 1 \(head of the file\) at offset 0 to block 2 \(head of the recording\) at offset \d+, /,
    );
    expect(out).toMatch(/: damaged at 1 place; what was repeated came out the same$/);
    expect(code).toBe(1);
  });

  test("1 for another module, and what it does differently when it is named", async () => {
    const other = join(folder, "other.wasm");
    writeFileSync(other, mutatedModule());
    const { code, out } = await run(path, "--module", other);
    expect(out).toMatch(/other\.wasm is not the module that was recorded\ndifferent: call \d+, /);
    expect(code).toBe(1);
    const refused: string[] = [];
    const inputs = {
      modules: () => [mutatedModule()],
      engine: engineNamed,
      out: (line: string) => void refused.push(line),
    };
    expect(await replay([path], inputs)).toBe(1);
    expect(refused.join("\n")).toMatch(/core "left" is of another module, .*: name a file with --module/);
  });

  test("each core is repeated on the module that it ran on", async () => {
    const services = join(folder, "services.pcapng");
    writeFileSync(services, await recordedServices());
    expect(await run(services)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ calls of standard 1, standard 2, core, .*: no difference$/),
    });
    // As users run it.
    const cli = spawnSync(process.execPath, ["build/host/cli.js", "replay", services], { cwd: root });
    expect([cli.status, String(cli.stderr)]).toEqual([0, ""]);
    // One module for all of them.
    const { code, out } = await run(services, "--module", join(root, "build/standard.wasm"));
    expect(out).toMatch(
      /standard\.wasm is not the module that was recorded\ndifferent: call \d+, .*, core "core"\n/,
    );
    expect(code).toBe(1);
  });

  test("1 for a file that is none, or no recording, or a module that is none", async () => {
    expect(await run(join(folder, "nothing"))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^ferrule: cannot read .*nothing: no such file or directory \(ENOENT\)$/),
    });
    expect(await run(folder)).toMatchObject({
      code: 1,
      err: expect.stringContaining("it is not a regular file"),
    });
    const text = join(folder, "text");
    writeFileSync(text, "some text that is no recording");
    expect((await run(text)).out).toMatch(/^unreadable: at offset 0: this is not a pcapng file/);
    expect((await run(path, "--module", text)).err).toMatch(/is not a Wasm module$/);
    const capture = join(folder, "capture.pcapng");
    const writer = captureWriter((bytes) => writeFileSync(capture, bytes), new VirtualClock());
    writer.addInterface({ name: "device" });
    writer.close();
    const { code, out } = await run(capture);
    expect(out).toMatch(/^unreadable: at offset \d+: this is a capture and no recording/);
    expect(code).toBe(1);
    const empty = join(folder, "empty");
    writeFileSync(empty, "");
    expect(await run(empty)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/there is nothing in it$/),
    });
  });

  test("2 for a command line that cannot be understood", async () => {
    for (const [args, problem] of [
      [[], "no recording: name a file"],
      [[path, path], "one recording at a time"],
      [[path, "--until", "0"], "--until 0 is not possible: give the number of a call, from 1"],
      [[path, "--until", "x"], "--until x is not possible: give the number of a call"],
      [[path, "--engine", "v9"], "--engine v9 is not known: give v8, wasm3, aot"],
      [[path, "--what"], "Unknown option '--what'"],
    ] as const) {
      const { code, out, err } = await run(...args);
      expect([code, out], problem).toEqual([2, ""]);
      expect(err).toContain(`ferrule: ${problem}`);
      expect(err).toContain("Usage: ferrule replay FILE");
    }
    expect(await run("--help")).toEqual({ code: 0, out: REPLAY_HELP.trimEnd(), err: "" });
  });
});

describe("--dump and --until", () => {
  test("every call and frame, and the cores at the end", async () => {
    const { out, code } = await run(path, "--dump");
    const lines = out.split("\n");
    const calls = Number(/(\d+) calls of/.exec(out)?.[1]);
    expect(lines.filter((line) => /^ +\d+ {2}\d+\.\d{9} s {2}(left|right) {2}\w+\(/.test(line)).length).toBe(
      calls,
    );
    expect(out).toMatch(/ {2}connect\(\d+, \d+\) = 0 {2}10\.0\.0\.2:7\n/);
    expect(out).toMatch(/ {2}sendCommit\(\d+, 23\) = 0 {2}23 octets\n/);
    expect(out).toMatch(/ {2}nextEvent\(\) = \d+ WRITABLE\|CONNECTED\n/);
    expect(out).toMatch(/ {2}sendReserve\(\d+\) = \d+\n/);
    expect(out).toMatch(/\n {10}> 10\.0\.0\.1:\d+ > 10\.0\.0\.2:7 \[SYN\]/);
    expect(out).toMatch(/\n {10}< 10\.0\.0\.2:7 > 10\.0\.0\.1:\d+ \[SYN, ACK\]/);
    expect(out).toMatch(/\ncore "left": stateBytes \d+, connectionsUsed 1, /);
    expect(out).toMatch(/\n {2}TCP_ACTIVE_OPENS 1\n/);
    expect(out).toMatch(
      /\n {2}socket \d+: ESTABLISHED, sndUna \d+, .* bytesAcknowledged 23, bytesReceived 23, /,
    );
    expect(out).toMatch(/\n {2}socket \d+: LISTEN\n/);
    expect(code).toBe(0);
  });

  test("stops after a call", async () => {
    const { out, code } = await run(path, "--dump", "--until", "20");
    expect(out.split("\n").filter((line) => /^ +\d+ {2}\d+\.\d{9} s/.test(line)).length).toBe(20);
    expect(out).toMatch(/: 20 calls of left, right, .*: no difference$/);
    expect(code).toBe(0);
  });
});

/**
 * A pair of hosts with real time that talk until somebody ends them; FILE is where they are recorded. Too little for a
 * batch: what is in the file was written because a second had passed.
 */
const ENDLESS = `
  import { readFileSync } from "node:fs";
  const { realClock } = await import("./build/host/clock.js");
  const { createCore } = await import("./build/host/core.js");
  const { createV8Engine } = await import("./build/host/engines/v8.js");
  const { Host } = await import("./build/host/host.js");
  const { Wire } = await import("./build/host/link/wire.js");
  const { Net } = await import("./build/host/net.js");
  const { openRecording } = await import("./build/host/record/file.js");
  const wasm = readFileSync("build/core.wasm");
  const { recorder } = openRecording(process.env.FILE, realClock, (error) => { throw error; });
  const wire = new Wire();
  const [left, right] = [1, 2].map((number) => {
    const config = { connections: 2, listeners: 1, seed: new Uint8Array(32), mac: "02:00:00:00:00:0" + number, address: "10.0.0." + number };
    const engine = recorder.engine(createV8Engine, { name: "host " + number });
    return new Net(new Host(createCore(wasm, config, { engine, now: realClock.now() }), wire.port(), realClock));
  });
  right.createServer({}, (socket) => socket.pipe(socket)).listen({ port: 7 });
  const socket = left.connect({ host: "10.0.0.2", port: 7 });
  socket.resume();
  setInterval(() => socket.write("again and again"), 200);
  setTimeout(() => process.exit(9), 50000);
`;

test("a process that is killed leaves a file that replays, with Unix time, for its owner alone", async () => {
  const killed = join(folder, "killed.pcapng");
  const child = spawn(process.execPath, ["--input-type=module", "-e", ENDLESS], {
    cwd: root,
    env: { ...process.env, FILE: killed },
    stdio: "inherit",
  });
  const ended = once(child, "close");
  const limit = performance.now() + PATIENCE_MS;
  while (!existsSync(killed) || statSync(killed).size === 0) {
    if (performance.now() > limit || child.exitCode !== null) expect.fail("no recording was begun");
    await sleep(20);
  }
  child.kill("SIGKILL");
  await ended;
  const { code, out } = await run(killed);
  expect(out).toMatch(/the file breaks off at offset \d+, as when its process was killed/);
  expect(out).toMatch(/[\d,]+ calls of host 1, host 2, [\d,]+ frames, .*: no difference$/);
  expect(code).toBe(0);
  expect(statSync(killed).mode & 0o777).toBe(0o600);
  const dumped = (await run(killed, "--dump", "--until", "3")).out;
  const seconds = Number(/^ +1 {2}(\d+)\.\d{9} s/.exec(dumped)?.[1]);
  expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(600);
});

test("Wireshark shows the traffic of a recording and passes over the rest", (context) => {
  const missing = missingTools("tshark");
  if (missing) context.skip(missing);
  const fields = ["frame.interface_name", "ip.src", "tcp.flags.str", "_ws.malformed", "tcp.checksum.status"];
  const { stdout, stderr, status } = spawnSync(
    "tshark",
    ["-n", "-o", "tcp.check_checksum:TRUE", "-r", path, "-T", "fields", "-E", "separator=|"].concat(
      fields.flatMap((field) => ["-e", field]),
    ),
    { encoding: "utf8" },
  );
  // It complains of nothing but who runs it.
  expect([status, stderr.replace(/^Running as user .*\n/, "")]).toEqual([0, ""]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines.every((line) => /^(left|right)\|/.test(line))).toBe(true);
  expect(lines.filter((line) => line.includes("S·|")).length).toBeGreaterThanOrEqual(2);
  // Nothing is malformed, and every checksum of TCP is good.
  for (const line of lines) expect(line).toMatch(/^(left|right)\|(\|\|\||10\.0\.0\.[12]\|[^|]+\|\|1)$/);
  const about = execFileSync("capinfos", [path], { encoding: "utf8" });
  expect(about).toContain(`Number of packets:   ${lines.length}`);
  expect(about).toMatch(/do not publish/);
});

test("the help in docs/recording.md is what the command prints", () => {
  const docs = readFileSync(join(root, "docs/recording.md"), "utf8");
  expect(docs).toContain(`\`\`\`\n${REPLAY_HELP}\`\`\``);
});
