// The demos' stories: every line is what tshark prints of the same file, states are those of RFC 9293, and a story is the same
// every time.

import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Dissector, formatColumns } from "../../host/demo/dissect.js";
import { STORIES } from "../../host/demo/stories.js";
import { engineNamed } from "../../host/engines/engines.js";
import { decode } from "../../host/packet/index.js";
import { missingTools } from "../report/tools.js";
import { frameLines, play, tsharkLines } from "./support.js";

const NAMES = Object.keys(STORIES);
const seedOf = (text: string) => createHash("sha256").update(text).digest();
const noTshark = missingTools("tshark");

describe.each(NAMES)("demo %s", (name) => {
  test.skipIf(noTshark).each(["the default", "another"])("prints what tshark prints, seed: %s", (seed) => {
    const { lines, stage, pcapng } = play(name, seed === "the default" ? undefined : seedOf(seed));
    const theirs = tsharkLines(pcapng);
    const shown = frameLines(lines);
    expect(shown.length).toBeGreaterThan(10);
    expect(shown.map(({ text }) => text)).toEqual(shown.map(({ number }) => theirs[number - 1]));
    // Frames that the table leaves out, too.
    const dissector = new Dissector();
    const ours = stage.passages.map(({ frame, atMs }) =>
      formatColumns(dissector.next(frame, Math.round(atMs * 1e6))),
    );
    expect(ours).toEqual(theirs);
  });

  test("shows every frame, or says that it is left out", () => {
    const { lines, stage } = play(name);
    const numbers = lines.flatMap((line) => {
      if ("text" in line) return [line.number];
      const [, first, last = first] = /^left out: (\d+)(?: to (\d+))? \(/.exec(line.note) ?? [];
      if (first === undefined) return [];
      return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
    });
    expect(numbers).toEqual(stage.passages.map((_, index) => index + 1));
  });

  test("is the same every time, and another with another seed", () => {
    const { lines, pcapng } = play(name);
    const again = play(name);
    expect([again.lines, again.pcapng]).toEqual([lines, pcapng]);
    expect(play(name, seedOf("another")).pcapng).not.toEqual(pcapng);
  });

  test.for(["wasm3", "aot"] as const)("is the same on %s", async (engine, { skip }) => {
    const reason = missingTools("gcc", ...(engine === "wasm3" ? ["wasm3"] : []));
    if (reason) skip(reason);
    const { pcapng, lines } = play(name, undefined, await engineNamed(engine));
    expect([pcapng, lines]).toEqual([play(name).pcapng, play(name).lines]);
  });

  test("sends frames without a fault, but for those that the network damaged", () => {
    for (const { frame, fate } of play(name).stage.passages)
      expect(decode(frame).problems.length, Buffer.from(frame).toString("hex")).toBe(
        fate === "damaged" ? 1 : 0,
      );
  });
});

/** "> [SYN] SYN-SENT SYN-RECEIVED" of each line of bare TCP that is shown: its direction, flags, and both states. */
function walk(name: string): string[] {
  const { lines, outcome } = play(name);
  const [left] = outcome.ends;
  return frameLines(lines)
    .filter(({ text }) => / TCP \d/.test(text))
    .map(({ states, text }) => {
      const [, source = ""] = /^ *\d+ [\d.]+ +([\d.]+) → /.exec(text) ?? [];
      const [flags = ""] = /\[[A-Z, ]+\](?= Seq)/.exec(text) ?? [];
      return `${source === left.address ? ">" : "<"} ${flags} ${states.join(" ")}`.trim();
    });
}

const OPENING = [
  "> [SYN] SYN-SENT SYN-RECEIVED",
  "< [SYN, ACK] ESTABLISHED SYN-RECEIVED",
  "> [ACK] ESTABLISHED ESTABLISHED",
];
const ASKING = [
  "> [PSH, ACK] ESTABLISHED ESTABLISHED",
  "< [ACK] ESTABLISHED ESTABLISHED",
  "< [PSH, ACK] ESTABLISHED ESTABLISHED",
  "> [ACK] ESTABLISHED ESTABLISHED",
];

describe("states", () => {
  test("handshake: the reference capture, every line", () => {
    const lines = frameLines(play("handshake").lines).map(({ text, states }) => {
      const [, from, to, what = ""] = /^ *\d+ [\d.]+ +(\S+) → (\S+) +(.*)$/.exec(text) ?? [];
      const who = [from, to].map((address) => (address ?? "").replace(/^(10\.0\.0\.|02:46:52:00:00:0)/, ""));
      const info = what.replace(/ \d+/, "").replace(/ (Win|TSval|Seq)=.*?(?=$| \[)/, "");
      return `${who.join(">")} ${info.replace(/0x\w{4}|\d{5}(?= →)|(?<=→ )\d{5}/, "#")} | ${states.join(" ")}`;
    });
    expect(lines).toEqual([
      "2>Broadcast ARP Who has 10.0.0.3? Tell 10.0.0.2 | CLOSED LISTEN",
      "3>2 ARP 10.0.0.3 is at 02:46:52:00:00:03 | CLOSED ",
      "2>3 DNS Standard query # A www.example.com OPT | CLOSED ",
      "3>2 DNS Standard query response # A www.example.com A 10.0.0.1 OPT | CLOSED ",
      "2>Broadcast ARP Who has 10.0.0.1? Tell 10.0.0.2 | SYN-SENT LISTEN",
      "1>2 ARP 10.0.0.1 is at 02:46:52:00:00:01 | SYN-SENT LISTEN",
      "2>1 TCP # → 80 [SYN] | SYN-SENT SYN-RECEIVED",
      "1>2 TCP 80 → # [SYN, ACK] | ESTABLISHED SYN-RECEIVED",
      "2>1 TCP # → 80 [ACK] | ESTABLISHED ESTABLISHED",
      "2>1 HTTP GET / HTTP/1.1  | ESTABLISHED ESTABLISHED",
      "1>2 TCP HTTP/1.1 200 OK  [TCP segment of a reassembled PDU] | ESTABLISHED ESTABLISHED",
      "1>2 TCP 80 → # [ACK] [TCP segment of a reassembled PDU] | ESTABLISHED ESTABLISHED",
      "2>1 TCP # → 80 [ACK] | ESTABLISHED ESTABLISHED",
      "1>2 HTTP HTTP/1.1 200 OK  (text/html) | ESTABLISHED ESTABLISHED",
      "2>1 TCP # → 80 [ACK] | ESTABLISHED ESTABLISHED",
      "2>1 TCP # → 80 [FIN, ACK] | FIN-WAIT-1 CLOSE-WAIT",
      "1>2 TCP 80 → # [ACK] | FIN-WAIT-2 CLOSE-WAIT",
      "1>2 TCP 80 → # [FIN, ACK] | TIME-WAIT LAST-ACK",
      "2>1 TCP # → 80 [ACK] | TIME-WAIT CLOSED",
    ]);
  });

  test("close: figure 12 of RFC 9293 in both directions", () => {
    expect(walk("close")).toEqual([
      ...OPENING,
      ...ASKING,
      "> [FIN, ACK] FIN-WAIT-1 CLOSE-WAIT",
      "< [ACK] FIN-WAIT-2 CLOSE-WAIT",
      "< [FIN, ACK] TIME-WAIT LAST-ACK",
      "> [ACK] TIME-WAIT CLOSED",
      ...OPENING,
      ...ASKING,
      "< [FIN, ACK] CLOSE-WAIT FIN-WAIT-1",
      "> [ACK] CLOSE-WAIT FIN-WAIT-2",
      "> [FIN, ACK] LAST-ACK TIME-WAIT",
      "< [ACK] CLOSED TIME-WAIT",
    ]);
    expect(play("close").lines.at(-1)).toEqual({
      note: "TIME-WAIT is over: the client is in CLOSED, the server in LISTEN",
    });
  });

  test("abort: section 3.5.2's groups, and section 3.10.5", () => {
    expect(walk("abort")).toEqual([
      // Group 1: nobody there.
      "> [SYN] SYN-SENT CLOSED",
      "< [RST, ACK] CLOSED CLOSED",
      // Figure 8, with a client that is not even in SYN-SENT: the old SYN was not the client's, and the server listens again.
      "> [SYN]  SYN-RECEIVED",
      "< [SYN, ACK] CLOSED SYN-RECEIVED",
      "> [RST] CLOSED LISTEN",
      ...OPENING,
      // Figure 10: half-open.
      "> [PSH, ACK] ESTABLISHED CLOSED",
      "< [RST] CLOSED CLOSED",
      ...OPENING,
      "< [RST, ACK] CLOSED CLOSED",
    ]);
  });

  test("simultaneous: figures 7 and 13", () => {
    expect(walk("simultaneous")).toEqual([
      "< [SYN] SYN-RECEIVED SYN-SENT",
      "> [SYN] SYN-SENT SYN-RECEIVED",
      "> [SYN, ACK] SYN-RECEIVED SYN-RECEIVED",
      "< [SYN, ACK] SYN-RECEIVED SYN-RECEIVED",
      "< [ACK] ESTABLISHED SYN-RECEIVED",
      "> [ACK] SYN-RECEIVED ESTABLISHED",
      "> [PSH, ACK] ESTABLISHED ESTABLISHED",
      "< [ACK] ESTABLISHED ESTABLISHED",
      "> [FIN, ACK] FIN-WAIT-1 CLOSING",
      "< [FIN, ACK] CLOSING FIN-WAIT-1",
      "< [ACK] TIME-WAIT CLOSING",
      "> [ACK] CLOSING TIME-WAIT",
    ]);
  });

  test("half-close: the other side sends on in CLOSE-WAIT", () => {
    const part = ["< [PSH, ACK] FIN-WAIT-2 CLOSE-WAIT", "> [ACK] FIN-WAIT-2 CLOSE-WAIT"];
    expect(walk("half-close")).toEqual([
      ...OPENING,
      "> [PSH, ACK] ESTABLISHED ESTABLISHED",
      "> [FIN, ACK] FIN-WAIT-1 CLOSE-WAIT",
      "< [ACK] FIN-WAIT-2 CLOSE-WAIT",
      ...part,
      ...part,
      ...part,
      "< [FIN, ACK] TIME-WAIT LAST-ACK",
      "> [ACK] TIME-WAIT CLOSED",
    ]);
  });

  test("all eleven are shown by the stories together", () => {
    const shown = new Set(
      NAMES.flatMap((name) => frameLines(play(name).lines).flatMap(({ states }) => states)),
    );
    const states = `CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING LAST-ACK TIME-WAIT`;
    for (const state of states.split(" ")) expect(shown).toContain(state);
  });
});

describe("what the stories are about", () => {
  test("handshake: SYNs with all options, ACKs of what came, and a name that is known the second time", () => {
    const { lines, outcome } = play("handshake");
    const texts = frameLines(lines).map(({ text }) => text);
    for (const flags of ["[SYN]", "[SYN, ACK]"])
      expect(texts.find((text) => text.includes(flags))).toMatch(
        /MSS=1460 SACK_PERM TSval=\d+ TSecr=\d+ WS=\d+$/,
      );
    // The request's length, and the page's: what is acknowledged is what came, and the FIN.
    expect(texts.at(-1)).toContain("Seq=64 Ack=4258 ");
    expect(lines.at(-1)).toEqual({
      note: "device: looks up www.example.com again, and knows without asking: 10.0.0.1",
    });
    expect(outcome.result).toContain("The page came as it was sent.");
  });

  test("syn-flood: the client gets through the moment it comes, with the spoofed SYNs all answered or dropped", () => {
    const { lines, outcome, stage } = play("syn-flood");
    expect(outcome.result).toContain('The client read "Loud and clear."');
    expect(frameLines(lines).filter(({ text }) => /Retransmission|RST/.test(text))).toEqual([]);
    expect(stage.passages.filter(({ from }) => from.name === "attacker").length).toBe(300);
    const clients = walk("syn-flood");
    const begin = clients.findIndex((line) => line.includes("SYN-SENT"));
    expect(clients.slice(begin, begin + OPENING.length)).toEqual(OPENING);
    expect(clients.at(-1)).toBe("> [ACK] TIME-WAIT CLOSED");
  });

  test("loss: each segment comes again by a fast retransmission, after SACK blocks", () => {
    const { lines, outcome } = play("loss");
    const texts = frameLines(lines).map(({ text }) => text);
    expect(texts.filter((text) => text.includes("[TCP Fast Retransmission]")).length).toBe(2);
    expect(texts.filter((text) => text.includes(" SLE=")).length).toBeGreaterThan(6);
    const received = frameLines(lines).map(({ states }) => states[1]);
    expect(received.filter((state) => state === "(lost)").length).toBe(1);
    expect(received.filter((state) => state === "(dropped)").length).toBe(1);
    expect(outcome.result).toContain("28000 octets, all of them right");
    expect(outcome.result).toContain("expired 0 times");
  });

  test.skipIf(noTshark)(
    "loss: tshark finds the damage when it is asked, and the comments say what befell frames",
    () => {
      const { pcapng } = play("loss");
      const bad = ["-o", "tcp.check_checksum:TRUE", "-Y", 'tcp.checksum.status == "Bad"', "-T", "fields"];
      expect(tsharkLines(pcapng, ...bad, "-e", "frame.comment")).toEqual([
        "damaged on the way: the last octet has another lowest bit; dropped: TCP_CHECKSUM",
      ]);
      const comments = tsharkLines(pcapng, "-Y", "frame.comment", "-T", "fields", "-e", "frame.comment");
      expect(comments[0]).toBe("lost on the way");
    },
  );
});
