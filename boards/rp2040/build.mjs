// What firmware for the RP2040 is made of: the board W5500-EVB-Pico, or its pins with another chip.

const folder = "boards/rp2040";

/** Measured by test/emulator/rp2040_firmware.test.ts, which says what is left of it. */
const STACK_BYTES = 40 * 1024;

const common = {
  folder,
  tools: ["arm-gcc", "picolibc-arm"],
  compiler: "arm-none-eabi-gcc",
  objcopy: "arm-none-eabi-objcopy",
  link: ["-nostartfiles", "-T", `${folder}/link.ld`, `-Wl,--defsym=__stack_size=${STACK_BYTES}`],
  image: "bin",
};

const OPTIONS = [
  "--specs=picolibc.specs",
  "-mcpu=cortex-m0plus",
  "-mthumb",
  // The processor has no floating point, and the program prints none.
  "-DPICOLIBC_INTEGER_PRINTF_SCANF",
];

const FILES = [
  ...["boot2.S", "start.c", "board.c", "rp2040_spi.c"].map((name) => `${folder}/${name}`),
  "boards/runtime/fastmem.c",
];

export const boards = {
  "rp2040-w5500": { ...common, options: OPTIONS, files: [...FILES, "boards/drivers/w5500.c"] },
  "rp2040-enc28j60": {
    ...common,
    options: OPTIONS,
    defines: ["BOARD_ENC28J60"],
    files: [...FILES, "boards/drivers/enc28j60.c"],
  },
};
