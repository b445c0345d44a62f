import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    setupFiles: ["test/report/setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    // Hooks build engines and firmware with a C compiler.
    hookTimeout: 300_000,
  },
});
