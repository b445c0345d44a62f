// What firmware for QEMU's Xtensa machine kc705-nommu is made of: an ESP8266's processor, an ESP32's amount of RAM.

const folder = "boards/qemu_xtensa";

export const boards = {
  "qemu-xtensa": {
    folder,
    tools: ["xtensa-gcc", "picolibc-xtensa", "qemu-xtensa"],
    compiler: "xtensa-lx106-elf-gcc",
    // Integers are all that is printed.
    options: [
      ...["--specs=/usr/lib/xtensa-lx106-elf/picolibc.specs", "-mlongcalls"],
      "-DPICOLIBC_INTEGER_PRINTF_SCANF",
    ],
    // RAM is what this board is short of on wasm3.
    defines: ["WEB_HEAD_BYTES=704"],
    files: [
      ...["start.S", "board.c", "helpers.c"].map((name) => `${folder}/${name}`),
      ...["openeth", "uart16550"].map((name) => `boards/drivers/${name}.c`),
      "boards/runtime/fastmem.c",
    ],
    link: ["-nostartfiles", "-T", `${folder}/link.ld`],
    image: "elf",
  },
};
