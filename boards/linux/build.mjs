// What the firmware is made of as a program for Linux, with a chip's driver whose chip is a model in another process.

const folder = "boards/linux";

const common = {
  folder,
  tools: ["gcc"],
  compiler: "gcc",
  link: ["-lm"],
  image: "elf",
};

const FILES = [`${folder}/board.c`, `${folder}/spi_socket.c`];

export const boards = {
  "linux-w5500": { ...common, options: [], files: [...FILES, "boards/drivers/w5500.c"] },
  "linux-enc28j60": {
    ...common,
    options: [],
    defines: ["BOARD_ENC28J60"],
    files: [...FILES, "boards/drivers/enc28j60.c"],
  },
};
