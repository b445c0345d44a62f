// A story's frames as a pcapng file.

import { captureWriter } from "../link/capture.js";
import type { Sink } from "../pcapng/writer.js";
import type { Passage, Stage } from "./stage.js";

/** Writes all frames, with a comment where one was lost, damaged or dropped. */
export function writeCapture(stage: Stage, sink: Sink): void {
  const writer = captureWriter(sink, stage.clock, {
    onError: (error) => {
      throw error;
    },
  });
  const wire = writer.addInterface({
    name: "wire",
    description: "Between the hosts of a demo, in virtual time",
  });
  for (const passage of stage.passages) {
    const { atMs, frame } = passage;
    writer.packet({ interface: wire, timeMs: atMs, frame, comment: commentOf(passage) });
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
