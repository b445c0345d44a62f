// A story's frames as a pcapng file.

import type { Clock } from "../clock.js";
import { captureWriter } from "../link/capture.js";
import type { Sink } from "../pcapng/writer.js";
import type { Passage } from "./stage.js";

/** What is written, and the clock of its times. */
export interface Captured {
  readonly clock: Clock;
  readonly passages: readonly Passage[];
}

/** Writes all frames, with a comment where one was lost, damaged or dropped. `wire`: what they went over. */
export function writeCapture(
  { clock, passages }: Captured,
  sink: Sink,
  wire = { name: "wire", description: "Between the hosts of a demo, in virtual time" },
): void {
  const writer = captureWriter(sink, clock, {
    onError: (error) => {
      throw error;
    },
  });
  const number = writer.addInterface(wire);
  for (const passage of passages) {
    const { atMs, frame } = passage;
    writer.packet({ interface: number, timeMs: atMs, frame, comment: commentOf(passage) });
  }
  writer.close();
}

function commentOf({ fate, drops }: Passage): string | undefined {
  if (fate === "lost") return "lost on the way";
  const parts = [
    ...(fate === "damaged" ? ["damaged on the way: the last octet has another lowest bit"] : []),
    ...(drops.length > 0 ? [`dropped: ${drops.join(", ")}`] : []),
  ];
  return parts.length > 0 ? parts.join("; ") : undefined;
}
