// What the port for the ESP32 is made of. Its compilers are Espressif's, which build it as a component or a library: a
// package takes these files, those of the runtime (RUNTIME_FILES in scripts/runtime_sources.mjs) and of an engine.

const folder = "boards/esp32";

/** Sources beside the runtime and an engine. */
export const FILES = [
  ...["ferrule_esp32.c", "os_freertos.c", "esp32_spi.c", "esp32_eth.c", "esp32_module.c"].map(
    (name) => `${folder}/${name}`,
  ),
  "boards/runtime/net.c",
  "boards/runtime/module.c",
  "boards/drivers/w5500.c",
  "boards/drivers/enc28j60.c",
];

/** Folders of their headers. */
export const HEADERS = [folder, "boards/runtime", "boards/include", "boards/drivers"];

/** Components of ESP-IDF that they need: `driver` stands for esp_driver_spi and esp_driver_gpio before 5.3. */
export const COMPONENTS = [
  "driver",
  "esp_timer",
  "esp_eth",
  "esp_event",
  "esp_hw_support",
  "esp_partition",
  "bootloader_support",
];
