// A reporter for vitest: how many tests ran on each engine. vitest's own reports add its projects up.

/** Prints a line when all is done: "v8: 2000 tests, wasm3: 500 tests". */
export default class EngineCounts {
  onTestRunEnd(modules) {
    const counts = new Map();
    for (const module of modules) {
      const { name } = module.project;
      for (const test of module.children.allTests())
        if (test.result().state !== "skipped") counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const words = [...counts].map(([name, count]) => `${name} ${count}`);
    console.log(`\ntests by engine: ${words.join(", ") || "none"}`);
  }
}
