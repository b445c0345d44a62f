// The packages, used as strangers do: nothing of the project but what was packed. `npm run pack` makes the same in dist/.

import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packArchives, packLibrary } from "../../scripts/pack.mjs";
import { missingTools, root, tools } from "../report/tools.js";

const HERE = join(root, "test/packages");
const LIMIT_MS = 240_000;

let folder: string;
let library: string;
let archives: { zip: string; npm: string };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ferrule-packages-"));
  library = join(folder, "ferrule");
  packLibrary(library);
  archives = packArchives(library, folder);
}, LIMIT_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(command: string, args: readonly string[], options: { cwd?: string; env?: object } = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: options.cwd ?? folder,
    env: { ...process.env, ...options.env },
    encoding: "utf8",
    timeout: LIMIT_MS,
  });
  expect(status, `${command} ${args.join(" ")}: ${error ?? ""}\n${stdout}\n${stderr}`).toBe(0);
  return `${stdout}${stderr}`;
}

describe.skipIf(missingTools("gcc", "cmake"))("a program in C, with CMake", () => {
  test.each([
    ["aot", "standard"],
    ["aot", "core"],
    ["wasm3", "standard"],
    ["wasm3", "core"],
  ])(
    "on %s, module %s",
    (engine, module) => {
      expect(engine === "wasm3" ? tools.missing.wasm3 : undefined).toBeUndefined();
      const build = join(folder, `${engine}-${module}`);
      const define = (name: string, value: string) => `-D${name}=${value}`;
      run("cmake", [
        ...["-S", join(HERE, "c_project"), "-B", build, define("FERRULE", library)],
        ...[define("FERRULE_ENGINE", engine), define("FERRULE_MODULE", module)],
        ...[define("FERRULE_WASM3_DIR", engine === "wasm3" ? (tools.wasm3?.directory ?? "") : "")],
        define("CMAKE_C_FLAGS", module === "standard" ? "-Wall -Wextra -DWITH_DATAGRAMS" : "-Wall -Wextra"),
      ]);
      const said = run("cmake", ["--build", build, "--parallel", "2"]);
      expect(said.match(/warning:.*/g)).toBe(null);
      const name = engine === "aot" ? "wasm2c" : "wasm3";
      const output = run(join(build, "stranger"), []);
      // And no other line: the program tells of what went wrong.
      const datagram = module === "standard" ? 'datagram "datagram"\\n' : "";
      expect(output).toMatch(new RegExp(`^${name} [0-9.]+: echo "hello"\n${datagram}$`));
    },
    LIMIT_MS,
  );

  test("a setting that is none says what there is", () => {
    const wrong = [
      "-DFERRULE_ENGINE=v8",
      "-DFERRULE_MODULE=tcp",
      "-DFERRULE_ENGINE=wasm3 -DFERRULE_WASM3_DIR=/nowhere",
    ];
    const says = [/aot or wasm3, not v8/, /standard or core, not tcp/, /FERRULE_WASM3_DIR has to name/];
    for (const [index, args] of wrong.entries()) {
      const where = [
        "-S",
        join(HERE, "c_project"),
        "-B",
        join(folder, `wrong-${index}`),
        `-DFERRULE=${library}`,
      ];
      const { status, stderr } = spawnSync("cmake", [...where, ...args.split(" ")], {
        encoding: "utf8",
        timeout: LIMIT_MS,
      });
      expect(status).not.toBe(0);
      expect(stderr.replace(/\s+/g, " ")).toMatch(says[index] as RegExp);
    }
  });
});

test.skipIf(missingTools("gcc", "cmake"))("a project's own set() counts the first time, too", () => {
  const project = join(folder, "set");
  mkdirSync(project);
  const lines = ["cmake_minimum_required(VERSION 3.16)", "project(set C)", "set(FERRULE_MODULE tcp)"];
  writeFileSync(
    join(project, "CMakeLists.txt"),
    [...lines, `add_subdirectory("${library}" ferrule)`, ""].join("\n"),
  );
  const where = ["-S", project, "-B", join(project, "build")];
  expect(spawnSync("cmake", where, { encoding: "utf8", timeout: LIMIT_MS }).stderr).toContain(
    "standard or core, not tcp",
  );
});

describe("the library's folder", () => {
  test(
    "each file compiles alone, with nothing but the library on its path: as Arduino and PlatformIO do it",
    () => {
      const sources = readdirSync(join(library, "src/ferrule")).filter((name) => name.endsWith(".c"));
      expect(sources.length).toBeGreaterThan(10);
      for (const name of sources)
        run(
          "gcc",
          ["-std=gnu99", "-O0", "-fsyntax-only", "-Wall", "-Wextra", "-I", "src", `src/ferrule/${name}`],
          { cwd: library },
        );
    },
    LIMIT_MS,
  );

  test.skipIf(missingTools("g++", "arduino-core-avr"))(
    "every sketch, and every class, compiles against the library alone",
    () => {
      const avr = "/usr/share/arduino/hardware/arduino/avr/cores/arduino";
      const core = join(root, "test/arduino/core");
      const options = [
        "-std=gnu++11",
        "-fsyntax-only",
        "-Wall",
        "-Wextra",
        "-DARDUINO=10819",
        "-I",
        join(library, "src"),
      ];
      const headers = ["-include", join(core, "Arduino.h"), "-I", core, "-isystem", avr];
      const classes = readdirSync(join(library, "src/ferrule")).filter((name) => name.endsWith(".cpp"));
      expect(classes.length).toBeGreaterThan(3);
      const folders = readdirSync(join(library, "examples"));
      const sketches = folders.filter((name) => existsSync(join(library, "examples", name, `${name}.ino`)));
      expect(sketches).toEqual(expect.arrayContaining(["WebServer", "Echo", "Console", "WebClient", "Mqtt"]));
      const files = [
        ...classes.map((name) => `src/ferrule/${name}`),
        ...sketches.map((name) => `examples/${name}/${name}.ino`),
      ];
      for (const file of files) {
        const said = run("g++", [...options, ...headers, "-x", "c++", file], { cwd: library });
        expect(said, file).not.toContain("warning:");
      }
    },
    LIMIT_MS,
  );

  test("has all files of the ports and the classes", () => {
    const inside = readdirSync(join(library, "src/ferrule"));
    for (const folder of ["boards/arduino", "boards/esp32"]) {
      const files = readdirSync(join(root, folder)).filter((name) => /\.(h|c|cpp)$/.test(name));
      expect(inside, folder).toEqual(expect.arrayContaining(files));
    }
  });

  test("no header has the name of one of others, whatever the case", () => {
    const ours = readdirSync(join(library, "src")).filter((name) => name.endsWith(".h"));
    expect(ours).toEqual(["FerruleEthernet.h"]);
    const inside = readdirSync(join(library, "src/ferrule")).map((name) => name.toLowerCase());
    expect(new Set(inside).size).toBe(inside.length);
  });

  test("manifests are of this version, and whole", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const read = (name: string) => readFileSync(join(library, name), "utf8");
    expect(JSON.parse(read("library.json"))).toMatchObject({ name: "ferrule", version, license: "MIT" });
    const properties = Object.fromEntries(
      read("library.properties")
        .trim()
        .split("\n")
        .map((line) => line.split("=") as [string, string]),
    );
    // What Arduino's specification of libraries wants.
    for (const name of ["name", "author", "maintainer", "sentence", "paragraph", "category", "architectures"])
      expect(properties[name], name).toMatch(/./);
    expect(properties.version).toBe(version);
    expect(read("idf_component.yml")).toContain(`version: "${version}"`);
    const texts = readdirSync(library).filter((name) => /\.(json|properties|yml|txt|md)$/.test(name));
    expect(texts.length).toBeGreaterThan(4);
    for (const name of texts) expect(read(name), name).not.toContain("@VERSION@");
    expect(existsSync(archives.zip)).toBe(true);
  });

  test("both modules are the built ones", () => {
    for (const name of ["core.wasm", "standard.wasm"])
      expect(readFileSync(join(library, name))).toEqual(readFileSync(join(root, "build", name)));
  });
});

describe("the npm package", () => {
  test(
    "a TypeScript project compiles and runs with it alone",
    () => {
      const project = join(folder, "npm_project");
      cpSync(join(HERE, "npm_project"), project, { recursive: true });
      writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module", private: true }));
      const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
      const wanted = ["typescript", "@types/node"].map((name) => `${name}@${devDependencies[name]}`);
      run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", archives.npm, ...wanted], {
        cwd: project,
      });
      run(process.execPath, ["node_modules/typescript/bin/tsc"], { cwd: project });
      expect(run(process.execPath, ["out/main.js"], { cwd: project })).toBe(
        "http: a page\nudp: a datagram\n",
      );
      // The command comes along.
      expect(run("npx", ["ferrule", "--version"], { cwd: project })).toMatch(/^ferrule \d/);
      expect(run("npx", ["ferrule", "demo", "handshake"], { cwd: project })).toContain("SYN-SENT");
    },
    LIMIT_MS,
  );

  test("has what it exports, and nothing that is not for use", () => {
    const names = execFileSync("tar", ["-tzf", archives.npm], { encoding: "utf8" }).trim().split("\n");
    for (const name of [
      "package/build/core.wasm",
      "package/build/standard.wasm",
      "package/build/host/index.d.ts",
    ])
      expect(names).toContain(name);
    expect(
      names.filter((name) => /^package\/(test|scripts|assembly|boards|build\/(engines|firmware))/.test(name)),
    ).toEqual([]);
  });
});

describe.skipIf(missingTools("platformio"))("PlatformIO", () => {
  const env = () => ({
    PYTHONPATH: join(root, "build/platformio"),
    PLATFORMIO_CORE_DIR: join(folder, "pio"),
    PLATFORMIO_SETTING_ENABLE_TELEMETRY: "no",
  });

  test("packs the library", () => {
    // It looks a licence up in a list on the Internet: this copy has none.
    const copy = join(folder, "pio-library");
    cpSync(library, copy, { recursive: true });
    const { license, ...manifest } = JSON.parse(readFileSync(join(copy, "library.json"), "utf8"));
    expect(license).toBe("MIT");
    writeFileSync(join(copy, "library.json"), JSON.stringify(manifest));
    const out = join(folder, "pio-out");
    mkdirSync(out);
    run("python3", ["-m", "platformio", "pkg", "pack", copy, "-o", out], { env: env() });
    expect(readdirSync(out)).toEqual([`ferrule-${manifest.version}.tar.gz`]);
  });

  test("finds no fault with platformio.ini", () => {
    const args = ["-m", "platformio", "project", "config", "-d", root];
    const lint = JSON.parse(
      run("python3", [...args, "--lint", "--json-output"], { env: env() }).replaceAll("'", '"'),
    );
    expect(lint).toEqual({ errors: [], warnings: [] });
    const sections: [string, [string, unknown][]][] = JSON.parse(
      run("python3", [...args, "--json-output"], { env: env() }),
    );
    const environments = sections.map(([name]) => name).filter((name) => name.startsWith("env:"));
    const wanted = ["esp32", "esp32s3", "esp32c3"].flatMap((board) =>
      ["w5500", "enc28j60"].flatMap((chip) =>
        ["aot", "wasm3"].map((engine) => `env:${board}-${chip}-${engine}`),
      ),
    );
    expect(environments).toEqual(expect.arrayContaining([...wanted, "env:esp32-w5500-wasm3-partition"]));
  });
});
