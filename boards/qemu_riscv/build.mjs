// What firmware for QEMU's RISC-V machine "virt" is made of: an ESP32-C3's instructions.

import { RISCV_OPTIONS } from "../../scripts/runtime_sources.mjs";

const folder = "boards/qemu_riscv";

export const boards = {
  "qemu-riscv": {
    folder,
    tools: ["riscv-gcc", "picolibc", "qemu-riscv"],
    compiler: "riscv64-unknown-elf-gcc",
    // Integers are all that is printed.
    options: [...RISCV_OPTIONS, "-DPICOLIBC_INTEGER_PRINTF_SCANF"],
    files: [
      ...["start.S", "board.c"].map((name) => `${folder}/${name}`),
      ...["virtio_net", "virtio", "uart16550"].map((name) => `boards/drivers/${name}.c`),
      "boards/runtime/fastmem.c",
    ],
    link: ["-nostartfiles", "-T", `${folder}/link.ld`],
    image: "elf",
  },
};
