// A web page that shows a sensor: open http://ADDRESS/ in a browser. Programs fetch http://ADDRESS/reading

#include <FerruleEthernet.h>

const int sensorPin = A0;

FerruleServer server(80);

void setup() {
    Serial.begin(115200);
    while (!Ferrule.begin())
        Serial.println("No address yet. Is the cable in?");
    server.begin();
    Serial.print("Open http://");
    Serial.print(Ferrule.localIP());
    Serial.println("/");
}

// Sends everything with one write: many small ones would become many small packets.
void reply(FerruleClient &client, const char *status, const char *type, const char *body) {
    char text[600];
    int length =
        snprintf(text, sizeof text,
                 "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %u\r\nConnection: close\r\n\r\n%s",
                 status, type, (unsigned)strlen(body), body);
    client.write((const uint8_t *)text, length);
}

void sendPage(FerruleClient &client) {
    char page[400];
    snprintf(page, sizeof page,
             "<!DOCTYPE html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"2\">"
             "<title>Sensor</title><h1>Sensor</h1><p>Reading: <b>%d</b></p><p>Up for %lu s</p>\n",
             analogRead(sensorPin), millis() / 1000);
    reply(client, "200 OK", "text/html", page);
}

void sendReading(FerruleClient &client) {
    char json[60];
    snprintf(json, sizeof json, "{\"reading\": %d, \"uptime\": %lu}\n", analogRead(sensorPin),
             millis() / 1000);
    reply(client, "200 OK", "application/json", json);
}

// Waits for a second at most, and cuts off what is too long.
size_t readLine(FerruleClient &client, char *line, size_t size) {
    size_t length = client.readBytesUntil('\n', line, size - 1);
    line[length] = '\0';
    return length;
}

void loop() {
    FerruleClient client = server.available();
    if (!client) {
        delay(1);
        return;
    }
    // "GET /path HTTP/1.1", then headers, which do not matter here, up to an empty line.
    char request[100], header[100];
    readLine(client, request, sizeof request);
    for (int lines = 0; lines < 100 && readLine(client, header, sizeof header) > 1; lines++)
        ;
    if (strncmp(request, "GET / ", 6) == 0)
        sendPage(client);
    else if (strncmp(request, "GET /reading ", 13) == 0)
        sendReading(client);
    else
        reply(client, "404 Not Found", "text/plain", "There is only / and /reading.\n");
    client.stop(); // what was written is still delivered
}
