// `ferrule demo`: stories from the life of TCP, between cores on a wire in memory.

import { Advice } from "../advice.js";
import { writeCapture } from "../demo/capture.js";
import { Stage } from "../demo/stage.js";
import { STORIES } from "../demo/stories.js";
import type { Outcome, Story } from "../demo/story.js";
import { formatTable, tableOf } from "../demo/table.js";
import type { EngineFactory } from "../engines/engine.js";
import { openSinkFile, type SinkFile } from "../pcapng/file.js";
import {
  type Command,
  EXIT_OK,
  plural,
  readArguments,
  readLayout,
  readModule,
  seedFrom,
  UsageError,
} from "./command.js";
import { DEMO_TAP_HELP, DEMO_TAP_OPTIONS, playOnTap, tapDemoOf } from "./demo_tap.js";
import { chosenEngine, ENGINE_OPTION, engineHelp } from "./engine_option.js";

const OPTIONS = {
  seed: { type: "string" },
  pcap: { type: "string" },
  ...ENGINE_OPTION,
  ...DEMO_TAP_OPTIONS,
} as const;

/** Of the stories in memory, which are the same every time. */
const SEED = "00".repeat(32);

const NAMES = Object.entries(STORIES)
  .map(([name, { summary }]) => `  ${name.padEnd(14)}${summary}`)
  .join("\n");

const HELP = `Usage: ferrule demo STORY [options]

Plays a story between hosts with a core each, on a wire in memory and in virtual time, and prints a table of
its frames: as tshark prints them, and the TCP state of both ends beside, that of the sender once it has sent
the frame, that of the receiver once it has taken it. A story is the same every time.

${NAMES}

  --pcap FILE            writes the frames there (pcapng: for Wireshark, tshark)
  --seed HEX             64 hex digits: other ports, sequence numbers and timestamps
${engineHelp("the cores")}

${DEMO_TAP_HELP}

Examples:
  ferrule demo close --pcap close.pcapng && tshark -r close.pcapng
  sudo ferrule demo handshake --tap ferrule0 --dhcp --url http://web.test/
`;

export const demo: Command = {
  summary: "stories from the life of TCP, frame by frame",
  help: HELP,
  async run(args) {
    const { values, positionals } = readArguments("demo", args, OPTIONS, 1);
    const name = positionals[0];
    const story = find(name);
    const tapDemo = tapDemoOf(name as string, values);
    const seed = seedFrom(values.seed ?? (tapDemo ? undefined : SEED));
    const engine = await chosenEngine(values.engine);
    const file = values.pcap === undefined ? undefined : open(values.pcap);
    try {
      const { passages } = tapDemo
        ? await playOnTap(tapDemo, engine, seed, file && ((octets) => attempt(() => file.sink(octets))))
        : playInMemory(story, engine, seed, file);
      if (file) console.log(`\n${plural(passages.length, "frame")} in ${values.pcap}`);
      return EXIT_OK;
    } finally {
      file?.close();
    }
  },
};

function playInMemory(
  story: Story,
  engine: EngineFactory,
  seed: Uint8Array,
  file: SinkFile | undefined,
): Stage {
  const stage = new Stage({ wasm: readModule(story.module), layout: readLayout(), engine, seed });
  const outcome = story.play(stage);
  console.log(tell(story, stage, outcome));
  if (file) attempt(() => writeCapture(stage, file.sink));
  return stage;
}

function find(name: string | undefined): Story {
  const story = name !== undefined && Object.hasOwn(STORIES, name) ? STORIES[name] : undefined;
  if (story) return story;
  const names = Object.keys(STORIES).join(", ");
  throw new UsageError(
    name === undefined
      ? `which story? ${names}\nTry: ferrule help demo`
      : `there is no story "${name}": give ${names}`,
  );
}

function tell({ about }: Story, stage: Stage, outcome: Outcome): string {
  return `${about}

${formatTable(tableOf(stage, outcome), outcome)}

${outcome.result}`;
}

function open(path: string): SinkFile {
  return attempt(() => openSinkFile(path));
}

function attempt<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new Advice(`--pcap: ${(error as Error).message}`);
  }
}
