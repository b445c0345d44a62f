// A module with a bug: a core as it was built, but a frame with "TRAP" in a certain place is one octet too much for it.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import binaryen from "binaryen";
import { root } from "../support.mjs";

/** Where `ping -p` puts its pattern for certain: behind the headers and the time, 4-aligned in the pattern. */
const OFFSET = 14 + 20 + 8 + 16;

/** What `ping -p` must repeat: "TRAP". */
export const TRAP_PATTERN = "54524150";

/** Writes the module to `path`. `build`: of the core, "core" or "standard". */
export async function writeTrappingModule(path, build = "core") {
  const { STATE_BASE, StateHeaderLayout } = await import(join(root, "build/host/abi.js"));
  const module = binaryen.readBinary(readFileSync(join(root, `build/${build}.wasm`)));
  module.setFeatures(binaryen.Features.BulkMemory | binaryen.Features.BulkMemoryOpt);
  const input = binaryen.getExportInfo(exportOf(module, "input")).value;
  const { i32 } = binaryen;
  const slot = module.i32.load(StateHeaderLayout.fields.inputSlot.offset, 4, module.i32.const(STATE_BASE));
  const word = module.i32.load(OFFSET, 1, slot);
  const isPattern = module.i32.eq(word, module.i32.const(Buffer.from("TRAP").readInt32LE()));
  const three = [0, 1, 2].map((index) => module.local.get(index, i32));
  module.addFunction(
    "trappingInput",
    binaryen.createType([i32, i32, i32]),
    i32,
    [],
    module.block(null, [module.if(isPattern, module.unreachable()), module.call(input, three, i32)], i32),
  );
  module.removeExport("input");
  module.addFunctionExport("trappingInput", "input");
  if (!module.validate()) throw new Error("the module with a bug is not valid");
  writeFileSync(path, module.emitBinary());
  module.dispose();
}

function exportOf(module, name) {
  for (let index = 0; index < module.getNumExports(); index++) {
    const found = module.getExportByIndex(index);
    if (binaryen.getExportInfo(found).name === name) return found;
  }
  throw new Error(`the core has no export ${name}`);
}
