// What firmware for the RP2040 is made of: the board W5500-EVB-Pico, or its pins with another chip.

const folder = "boards/rp2040";

const common = {
  folder,
  tools: ["arm-gcc", "picolibc-arm"],
  compiler: "arm-none-eabi-gcc",
  objcopy: "arm-none-eabi-objcopy",
  link: ["-nostartfiles", "-T", `${folder}/link.ld`],
  image: "bin",
};

const OPTIONS = ["--specs=picolibc.specs", "-mcpu=cortex-m0plus", "-mthumb"];

export const boards = {
  "rp2040-w5500": {
    ...common,
    options: OPTIONS,
    files: [`${folder}/board.c`, "boards/drivers/w5500.c"],
  },
  "rp2040-enc28j60": {
    ...common,
    options: [...OPTIONS, "-DBOARD_ENC28J60"],
    files: [`${folder}/board.c`, "boards/drivers/enc28j60.c"],
  },
};
