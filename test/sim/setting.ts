// What the simulator's tests run on: the core as it was built, and where its records lie.

import { readFileSync } from "node:fs";
import type { Engine } from "../../host/engines/engine.js";
import type { Layout } from "../../host/sim/layout.js";
import { createSetting } from "../../host/sim/setting.js";
import type { Setting } from "../../host/sim/world.js";
import { testEngine } from "../report/engine.js";

const ROOT = new URL("../../", import.meta.url);

/** The module and its layout, as the build left them. */
export async function simSetting(): Promise<Setting> {
  const layout: Layout = JSON.parse(readFileSync(new URL("build/layout.json", ROOT), "utf8"));
  return createSetting(readFileSync(new URL("build/core.wasm", ROOT)), layout, testEngine);
}

/** The same, but calls of the core go through `wrap`, which returns those that it replaces. */
export function wrapped(
  setting: Setting,
  wrap: (engine: Engine, host: number) => Partial<Engine["exports"]>,
): Setting {
  return {
    ...setting,
    engines(host) {
      const engine = setting.engines(host);
      return { ...engine, exports: { ...engine.exports, ...wrap(engine, host) } };
    },
  };
}
