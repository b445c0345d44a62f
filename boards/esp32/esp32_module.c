#include "esp32_module.h"

#include "ferrule_module.h"

#ifdef FERRULE_ENGINE_WASM3

#ifdef FERRULE_MODULE_PARTITION

#include "esp_idf_version.h"
#include "esp_log.h"
#include "esp_partition.h"

#if ESP_IDF_VERSION < ESP_IDF_VERSION_VAL(5, 0, 0)
#define esp_partition_mmap_handle_t spi_flash_mmap_handle_t
#define esp_partition_munmap spi_flash_munmap
#define ESP_PARTITION_MMAP_DATA SPI_FLASH_MMAP_DATA
#endif

/** Mapped once, and for good: the engine reads it there. NULL when there is none. */
static const uint8_t *in_partition(uint32_t *bytes) {
    static const uint8_t *module;
    static uint32_t module_bytes;
    static const char label[] = FERRULE_MODULE_PARTITION;
    const esp_partition_t *partition =
        esp_partition_find_first(ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, label);
    const void *mapped;
    esp_partition_mmap_handle_t handle;
    if (!module && partition &&
        esp_partition_mmap(partition, 0, partition->size, ESP_PARTITION_MMAP_DATA, &mapped, &handle) ==
            ESP_OK) {
        module_bytes = ferrule_module_length(mapped, partition->size);
        if (module_bytes > 0)
            module = mapped;
        else
            esp_partition_munmap(handle);
    }
    if (!module)
        ESP_LOGW("ferrule", "no module in partition %s: the one in the program runs", label);
    *bytes = module_bytes;
    return module;
}

#else

static const uint8_t *in_partition(uint32_t *bytes) {
    (void)bytes;
    return 0;
}

#endif

const uint8_t *esp32_module(uint32_t *bytes) {
    const uint8_t *module = in_partition(bytes);
    if (module)
        return module;
    *bytes = ferrule_module_bytes;
    return ferrule_module;
}

#else

const uint8_t *esp32_module(uint32_t *bytes) {
    *bytes = 0;
    return 0;
}

#endif
