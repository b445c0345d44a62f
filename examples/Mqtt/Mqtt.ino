// Publishes a sensor's reading every second, and switches an LED when it is told to. Try it with:
//     mosquitto_sub -h test.mosquitto.org -v -t 'ferrule-demo/#'
//     mosquitto_pub -h test.mosquitto.org -t ferrule-demo/led -m on

#include <FerruleEthernet.h>

#include "MqttClient.h"

const char broker[] = "test.mosquitto.org";
const int sensorPin = A0, ledPin = LED_BUILTIN;
const unsigned long periodMs = 1000;

void hear(const char *topic, const char *message);

FerruleClient network;
MqttClient mqtt(network, hear);
unsigned long publishedAt;

void hear(const char *topic, const char *message) {
    bool on = strcmp(message, "on") == 0;
    Serial.print(topic);
    Serial.print(" is ");
    Serial.println(message);
    digitalWrite(ledPin, on ? HIGH : LOW);
    mqtt.publish("ferrule-demo/state", on ? "the led is on" : "the led is off");
}

void setup() {
    Serial.begin(115200);
    pinMode(ledPin, OUTPUT);
    while (!Ferrule.begin())
        Serial.println("No address yet. Is the cable in?");
}

void loop() {
    if (!mqtt.connected()) {
        if (!mqtt.connect(broker, 1883, "ferrule-demo") || !mqtt.subscribe("ferrule-demo/led")) {
            Serial.println("No broker. Again in a second.");
            delay(1000);
            return;
        }
        Serial.println("Connected to the broker.");
    }
    mqtt.loop();
    if (millis() - publishedAt >= periodMs) {
        char reading[12];
        publishedAt = millis();
        snprintf(reading, sizeof reading, "%d", analogRead(sensorPin));
        mqtt.publish("ferrule-demo/reading", reading);
    }
    delay(1);
}
