// The examples run: sketches and C programs on a TAP interface, with servers and clients of others on the kernel's side.
// One network for all of them, whose dnsmasq gives out addresses and knows the names that the sketches use.

import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { buildParts, buildProgram, buildSketch, type Parts } from "../arduino/build.js";
import { Namespace, type Running } from "../kernel/namespace.js";
import { missingTools, root } from "../report/tools.js";

const SERVER = "10.0.0.1";

const needs = missingTools("gcc", "g++", "arduino-core-avr", "namespaces", "dnsmasq");

let network: Namespace;
let folder: string;
let parts: Parts;

/** What a test has started, and ends with it: the interface takes one program at a time. */
const running: Running[] = [];

function start(command: string, args: readonly string[]): Running {
  const program = network.start(command, args);
  running.push(program);
  return program;
}

async function startSketch(name: string): Promise<Running> {
  return start(await buildSketch(parts, `examples/${name}/${name}.ino`), ["wire"]);
}

/** The address that a sketch says it has. */
async function addressOf(sketch: Running): Promise<string> {
  await sketch.says(/10\.0\.0\.\d+\D*\n/);
  return /10\.0\.0\.\d+/.exec(sketch.output())?.[0] as string;
}

async function end(sketch: Running): Promise<void> {
  expect(await sketch.interrupt(), sketch.output()).toBe(0);
}

describe.skipIf(needs)("examples", () => {
  beforeAll(async () => {
    parts = await buildParts("examples");
    network = await Namespace.create();
    folder = mkdtempSync(join(tmpdir(), "ferrule-examples-"));
    const wire = `ip tuntap add dev wire mode tap && ip addr add ${SERVER}/24 dev wire && ip link set wire up`;
    await network.runWell("sh", ["-c", wire]);
    writeFileSync(join(folder, "hosts"), `${SERVER} example.com test.mosquitto.org\n`);
    const server = network.start("dnsmasq", [
      ...["--no-daemon", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--no-ping"],
      ...["--interface=wire", "--bind-interfaces", "--no-resolv", "--no-hosts"],
      ...[`--addn-hosts=${join(folder, "hosts")}`, `--dhcp-leasefile=${join(folder, "leases")}`],
      ...["--dhcp-range=10.0.0.50,10.0.0.60,120", "--dhcp-authoritative"],
    ]);
    await server.says("read ");
  });

  afterEach(async () => {
    for (const program of running.splice(0)) {
      program.child.kill("SIGKILL");
      await program.ended();
    }
  });

  afterAll(async () => {
    await network?.remove();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  test.skipIf(missingTools("nc"))("the sketch in docs/arduino.md echoes", async () => {
    const [, text = ""] = /```cpp\n([^`]*)```/.exec(readFileSync(`${root}docs/arduino.md`, "utf8")) ?? [];
    mkdirSync(join(parts.folder, "docs"), { recursive: true });
    writeFileSync(join(parts.folder, "docs/docs.ino"), text);
    const sketch = start(await buildSketch(parts, "build/examples/docs/docs.ino"), ["wire"]);
    const input = Buffer.from("hello, Arduino");
    const nc = ["10", "nc", "-q", "1", await addressOf(sketch), "7"];
    expect(await network.runWell("timeout", nc, { input })).toEqual(input);
    await end(sketch);
  });

  test.skipIf(missingTools("nc"))("Echo: 200 KB through nc, and two at a time", async () => {
    const sketch = await startSketch("Echo");
    const address = await addressOf(sketch);
    const input = Buffer.concat(
      Array.from({ length: 6250 }, (_, i) => createHash("sha256").update(`${i}`).digest()),
    );
    const both = [input, input.subarray(1000)];
    const outputs = await Promise.all(
      both.map((input) => network.runWell("timeout", ["30", "nc", "-q", "1", address, "7"], { input })),
    );
    for (const [index, output] of outputs.entries()) expect(output.equals(both[index] as Buffer)).toBe(true);
    await end(sketch);
  });

  test.skipIf(missingTools("curl"))("WebServer: the page, the reading, and what is not there", async () => {
    const sketch = await startSketch("WebServer");
    const address = await addressOf(sketch);
    expect(sketch.output()).toContain(`Open http://${address}/`);
    const page = await network.runWell("curl", ["-sf", "-m", "10", `http://${address}/`]);
    expect(page.toString()).toMatch(/<h1>Sensor<\/h1><p>Reading: <b>\d+<\/b><\/p><p>Up for \d+ s<\/p>/);
    const reading = await network.runWell("curl", ["-sf", "-m", "10", `http://${address}/reading`]);
    expect(JSON.parse(reading.toString())).toMatchObject({ reading: expect.any(Number) });
    const status = ["-s", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}"];
    const missing = await network.runWell("curl", [...status, `http://${address}/other`]);
    expect(missing.toString()).toBe("404");
    await end(sketch);
  });

  test.skipIf(missingTools("nc"))("Console: two visitors see the same LED", async () => {
    const sketch = await startSketch("Console");
    const address = await addressOf(sketch);
    const first = start("nc", [address, "23"]);
    const second = start("nc", [address, "23"]);
    for (const visitor of [first, second]) await visitor.says("quit\r\n> ");
    // Lines end as telnet ends them, and as nc does.
    first.child.stdin.write("status\r\nled on\r\n");
    await first.says("led off, you are 10.0.0.1\r\n> > ");
    second.child.stdin.write("status\nfly\nquit\n");
    await second.says("led on, you are 10.0.0.1\r\n> What?\r\n> Bye.\r\n");
    first.child.stdin.write("quit\n");
    await first.says("Bye.\r\n");
    for (const visitor of [first, second]) {
      // nc waits for its input's end, too.
      visitor.child.stdin.end();
      expect(await visitor.ended()).toBe(0);
    }
    await end(sketch);
  });

  test("WebClient: a page by name", async () => {
    const script = `require("http").createServer((q, r) => r.end("for " + q.headers.host + q.url + "\\n")).listen(80, "${SERVER}",
      () => console.log("listening"))`;
    const server = start(process.execPath, ["-e", script]);
    await server.says("listening");
    const sketch = await startSketch("WebClient");
    await sketch.says("That was it.");
    expect(sketch.output()).toMatch(/^HTTP\/1\.1 200 OK\r$/m);
    expect(sketch.output()).toMatch(/^for example\.com\/$/m);
  });

  test.skipIf(missingTools("mosquitto", "mosquitto-clients"))(
    "Mqtt: readings and an LED, through mosquitto",
    async () => {
      writeFileSync(join(folder, "mosquitto"), `listener 1883 ${SERVER}\nallow_anonymous true\nuser root\n`);
      const broker = start("sh", [
        ...["-c", 'PATH="$PATH:/usr/sbin" exec mosquitto -v -c "$0"', join(folder, "mosquitto")],
      ]);
      await broker.says("running");
      const listener = start("mosquitto_sub", ["-h", SERVER, "-v", "-t", "ferrule-demo/#"]);
      await broker.says("Sending SUBACK");
      const sketch = await startSketch("Mqtt");
      await sketch.says("Connected to the broker.");
      await broker.says(/ferrule-demo 0 ferrule-demo\/led/);
      await listener.says(/^ferrule-demo\/reading \d+$/m);
      const tell = async (message: string) =>
        await network.runWell("mosquitto_pub", ["-h", SERVER, "-t", "ferrule-demo/led", "-m", message]);
      await tell("on");
      await listener.says("ferrule-demo/led on\n");
      await listener.says("ferrule-demo/state the led is on\n");
      // Longer than one byte can say.
      await tell("off".padEnd(200, "."));
      await listener.says("ferrule-demo/state the led is off\n");
      expect(sketch.output()).toContain("ferrule-demo/led is on\r\n");
      // The broker is restarted: the sketch finds it again.
      await broker.interrupt();
      await sketch.says("No broker.");
      const again = start("sh", [
        ...["-c", 'PATH="$PATH:/usr/sbin" exec mosquitto -v -c "$0"', join(folder, "mosquitto")],
      ]);
      await again.says("ferrule-demo 0 ferrule-demo/led");
      await end(sketch);
    },
  );

  test.skipIf(missingTools("mbedtls", "openssl"))(
    "tls_client: a page of openssl's server, whose certificate must be right",
    async () => {
      const program = await buildProgram(parts, {
        name: "tls",
        files: ["examples/tls_client/tls_client.c", "test/examples/tls_main.c"],
        folders: ["examples/tls_client", "boards/arduino", "test/arduino/core"],
        libraries: ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"],
      });
      const make = async (name: string) => {
        const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
        await network.runWell("openssl", [
          ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
          ...["-days", "2", "-subj", "/CN=example.com", "-addext", "subjectAltName=DNS:example.com"],
          ...["-keyout", key, "-out", certificate],
        ]);
        return { key, certificate };
      };
      const [own, foreign] = [await make("own"), await make("foreign")];
      // A server for each: s_server has one visitor at a time, and the program ends without a word.
      const get = async (host: string, trusted: string) => {
        const server = start("openssl", [
          ...["s_server", "-accept", `${SERVER}:443`, "-key", own.key, "-cert", own.certificate, "-www"],
        ]);
        await server.says("ACCEPT");
        const outcome = await network.run(program, ["wire", host, "443", "/", trusted]);
        server.child.kill("SIGKILL");
        await server.ended();
        return outcome;
      };
      const good = await get("example.com", own.certificate);
      expect(good.stdout.toString() + good.stderr).toMatch(
        /^TLSv1\.[23] \S+\nHTTP\/1\.0 200 ok\r\n[\s\S]*<\/(html|HTML|pre|BODY)/,
      );
      expect(good.code).toBe(0);
      const untrusted = await get("example.com", foreign.certificate);
      expect(untrusted.stdout.toString()).toMatch(/^failed: .*X509 - Certificate verification failed/);
      const renamed = await get("test.mosquitto.org", own.certificate);
      expect(renamed.stdout.toString()).toMatch(/^failed: .*X509 - Certificate verification failed/);
      const closed = await network.run(program, ["wire", "example.com", "444", "/", own.certificate]);
      expect(closed.stdout.toString()).toBe("failed: CONNECTION_REFUSED\n");
    },
  );

  test.skipIf(missingTools("ping"))(
    "low_power: sleeps from reading to reading, and answers pings",
    async () => {
      const program = await buildProgram(parts, {
        name: "low_power",
        files: ["examples/low_power/low_power.c", "test/examples/low_power_board.c"],
        folders: ["examples/low_power", "boards/apps"],
        options: ["-DPERIOD_MS=1000"],
      });
      const script = `require("dgram").createSocket("udp4").on("message", (m) => process.stdout.write(m))
        .bind(5000, "${SERVER}", () => console.log("listening"))`;
      const collector = start(process.execPath, ["-e", script]);
      await collector.says("listening");
      const sensor = start(program, []);
      await collector.says("reading 003\n");
      expect(collector.output()).toBe("listening\nreading 001\nreading 002\nreading 003\n");
      await network.runWell("ping", ["-c", "2", "-i", "0.2", "10.0.0.2"]);
      await collector.says("reading 005\n");
      // A few for each reading: frames, and the kernel's own packets.
      expect(sensor.output().match(/^sleep/gm)?.length).toBeLessThan(60);
    },
  );
});

test("every example has a test", () => {
  const text = readFileSync(`${root}test/examples/examples.test.ts`, "utf8");
  for (const name of readdirSync(`${root}examples`)) expect(text).toMatch(new RegExp(`"${name}: `));
});
