// Runs failing.fixture.ts, from recording.test.ts.

import { defineConfig, mergeConfig } from "vitest/config";
import all from "../../vitest.config.js";

export default mergeConfig(
  { ...all, test: { ...all.test, projects: undefined } },
  defineConfig({ test: { include: ["test/report/failing.fixture.ts"] } }),
);
