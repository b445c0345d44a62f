// What firmware for QEMU's Xtensa machine kc705-nommu is made of: an ESP8266's processor, an ESP32's amount of RAM.

const folder = "boards/qemu_xtensa";

export const boards = {
  "qemu-xtensa": {
    folder,
    tools: ["xtensa-gcc", "picolibc-xtensa", "qemu-xtensa"],
    compiler: "xtensa-lx106-elf-gcc",
    options: ["--specs=/usr/lib/xtensa-lx106-elf/picolibc.specs", "-mlongcalls"],
    files: [`${folder}/board.c`, "boards/drivers/openeth.c", "boards/runtime/fastmem.c"],
    link: ["-nostartfiles", "-T", `${folder}/link.ld`],
    image: "elf",
  },
};
