import { defineConfig } from "vitest/config";

/** Tests that run on all engines under the same names: those whose cores come from test/report/engine.ts. */
const ON_ALL_ENGINES = [
  "test/demo/tap.test.ts",
  "test/dns/*.test.ts",
  "test/host/core.test.ts",
  "test/host/{dgram,dhcp,names}.test.ts",
  "test/host/gateway.test.ts",
  "test/host/host.test.ts",
  "test/host/net.test.ts",
  "test/kernel/bad_network.test.ts",
  "test/kernel/endings.test.ts",
  "test/kernel/multicast.test.ts",
  "test/kernel/services.test.ts",
  "test/kernel/setup.test.ts",
  "test/kernel/traffic.test.ts",
  "test/script/scripts.test.ts",
  "test/serve/service.test.ts",
  "test/services/*.test.ts",
  "test/sim/lossy.test.ts",
  "test/sim/simulation.test.ts",
  "test/table/table.test.ts",
  "test/unit/{abi,abi_constants,config,engine,stack}.test.ts",
  "test/unit/{lib,net,services,tcp,udp,wire}/*.test.ts",
];

/** `isolate`: a process for each file. Where there is none, test/report/setup.ts sees to it that engines stay apart. */
const onEngine = (name: string, include: readonly string[], isolate: boolean) => ({
  extends: true as const,
  test: { name, include: [...include], env: { FERRULE_TEST_ENGINE: name }, isolate },
});

export default defineConfig({
  test: {
    environment: "node",
    setupFiles: ["test/report/setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    // Hooks build engines and firmware with a C compiler.
    hookTimeout: 300_000,
    projects: [
      onEngine("v8", ["test/**/*.test.ts"], true),
      onEngine("wasm3", ON_ALL_ENGINES, false),
      onEngine("aot", ON_ALL_ENGINES, false),
    ],
  },
});
