/*
 * Opens many WebSockets to one server on this machine and counts what it receives: one thread, epoll, cheaper than
 * any server that it measures.
 *
 *   cc -O2 -o wsload wsload.c
 *   ./wsload PORT PATH SOCKETS IN_FLIGHT [COOKIES]
 *
 * IN_FLIGHT handshakes run at a time. COOKIES names a file with one Cookie header per line, taken in turn.
 *
 * A frame that carries "t0=<CLOCK_MONOTONIC, ns>;" is a marked one: its age is its latency. All others (heartbeats,
 * snapshots) are counted apart.
 *
 * While frames are awaited it looks every 50 us and never waits to be woken: waking a program on its own machine would
 * be charged to the server with every write, which no server with visitors elsewhere pays. `cpu_ns` is the time spent
 * on what came.
 *
 * Standard output, a line each:
 *   open <opened> <failed> <seconds>                        after the last handshake
 *   marked <frames>                                         answers "await <frames> <milliseconds>"
 *   marked=… frames=… bytes=… open=… greeted=… p50=… p99=… max=… cpu_ns=…   answers "report", and counts anew
 * It ends with its standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MARK_WITHIN = 1000, MARK_DIGITS = 19, EVENTS = 512, COMMANDS = UINT32_MAX };
enum opcode { TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };
enum state { CONNECTING, UPGRADING, OPEN, GONE };

struct client {
    int fd;
    enum state state;
    int greeted; /* has received a first frame */
    unsigned char *rest; /* the beginning of a frame whose end has not come yet */
    size_t rest_size;
};

static struct client *clients;
static int wanted, in_flight, started, opened, failed, handshaking, greeted, epoll;
static uint16_t port;
static const char *path;
static char **cookies;
static size_t cookie_count;
static uint64_t began, frames, marked, bytes, cpu_ns;
static struct {
    uint32_t *us;
    size_t count, room;
} latencies;
static uint64_t awaited, await_until; /* await_until is 0 when nobody awaits anything */

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t now(void) { return clock_ns(CLOCK_MONOTONIC); }

static void stop(const char *what)
{
    perror(what);
    exit(1);
}

/* Latencies */

static void note_latency(uint64_t us)
{
    if (latencies.count == latencies.room) {
        latencies.room = latencies.room ? latencies.room * 2 : 4096;
        latencies.us = realloc(latencies.us, latencies.room * sizeof *latencies.us);
        if (!latencies.us) stop("realloc");
    }
    latencies.us[latencies.count++] = us > UINT32_MAX ? UINT32_MAX : us;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Of sorted latencies. */
static uint32_t percentile(double share)
{
    size_t index = latencies.count * share;

    if (!latencies.count) return 0;
    return latencies.us[index < latencies.count ? index : latencies.count - 1];
}

/* Connecting */

static void watch(int operation, int fd, uint32_t events, uint32_t number)
{
    struct epoll_event event = {.events = events, .data.u32 = number};
    if (epoll_ctl(epoll, operation, fd, &event) < 0) stop("epoll_ctl");
}

static void connect_next(void)
{
    struct client *client = &clients[started];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (client->fd < 0) stop("socket");
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client->state = CONNECTING;
    if (connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) stop("connect");
    watch(EPOLL_CTL_ADD, client->fd, EPOLLOUT | EPOLLIN, started);
    started++;
    handshaking++;
}

static void upgrade(struct client *client, uint32_t number)
{
    char request[4096];
    const char *cookie = cookie_count ? cookies[number % cookie_count] : "";
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\n"
                        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                        path, port, port, *cookie ? "Cookie: " : "", cookie, *cookie ? "\r\n" : "");

    client->state = UPGRADING;
    watch(EPOLL_CTL_MOD, client->fd, EPOLLIN, number);
    if (write(client->fd, request, size) != size) stop("write");
}

static void drop(struct client *client)
{
    if (client->state == OPEN) {
        opened--;
    } else {
        failed++;
        handshaking--;
    }
    client->state = GONE;
    close(client->fd);
    free(client->rest);
    client->rest = NULL;
}

/* Receiving */

static void answer_ping(struct client *client, const unsigned char *payload, size_t size)
{
    unsigned char frame[6 + 125] = {0x80 | PONG, 0x80 | size}; /* masked with zeros */

    if (size > 125) return;
    memcpy(frame + 6, payload, size);
    if (write(client->fd, frame, 6 + size) < 0 && errno != EAGAIN) drop(client);
}

static void note_mark(const unsigned char *payload, size_t size, uint64_t at)
{
    const unsigned char *mark = memmem(payload, size < MARK_WITHIN ? size : MARK_WITHIN, "t0=", 3);

    if (!mark || mark + 3 + MARK_DIGITS > payload + size) return;
    marked++;
    uint64_t sent = strtoull((const char *)mark + 3, NULL, 10);
    note_latency(at > sent ? (at - sent) / 1000 : 0);
}

/* Read one frame; the number of bytes that it takes, or 0 when its end has not come yet. */
static size_t take_frame(struct client *client, const unsigned char *data, size_t size, uint64_t at)
{
    if (size < 2) return 0;
    size_t length = data[1] & 127, head = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (size < head) return 0;
    if (head > 2) {
        length = 0;
        for (size_t i = 2; i < head; i++) length = length << 8 | data[i];
    }
    if (size < head + length) return 0;
    enum opcode opcode = data[0] & 15;
    if (opcode == PING) {
        answer_ping(client, data + head, length);
    } else if (opcode == TEXT) {
        frames++;
        greeted += !client->greeted;
        client->greeted = 1;
        note_mark(data + head, length, at);
    }
    return head + length;
}

/* The end of the answer to a handshake, when it is complete and good. */
static const unsigned char *take_handshake(struct client *client, unsigned char *data, size_t size)
{
    const unsigned char *end = memmem(data, size, "\r\n\r\n", 4);

    if (!end) return NULL;
    if (size < 12 || memcmp(data + 9, "101", 3)) {
        if (!failed) fprintf(stderr, "refused: %.*s\n", (int)(end - data), data);
        drop(client);
        return NULL;
    }
    client->state = OPEN;
    opened++;
    handshaking--;
    return end + 4;
}

static void keep(struct client *client, const unsigned char *data, size_t size)
{
    unsigned char *copy = NULL;

    if (size) {
        copy = malloc(size);
        if (!copy) stop("malloc");
        memcpy(copy, data, size);
    }
    free(client->rest);
    client->rest = copy;
    client->rest_size = size;
}

static void receive(struct client *client)
{
    static unsigned char buffer[1 << 20];
    size_t before = client->rest ? client->rest_size : 0;
    if (before) memcpy(buffer, client->rest, before);
    ssize_t got = recv(client->fd, buffer + before, sizeof buffer - before, 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        drop(client);
        return;
    }
    uint64_t at = now();
    const unsigned char *data = buffer, *end = buffer + before + got;
    bytes += got;
    if (client->state == UPGRADING) {
        const unsigned char *after = take_handshake(client, buffer, end - buffer);
        if (client->state == GONE) return;
        if (after) data = after;
    }
    for (size_t taken = 1; client->state == OPEN && taken; data += taken) {
        taken = take_frame(client, data, end - data, at);
    }
    if (client->state != GONE) keep(client, data, end - data);
}

static void handle(uint32_t number, uint32_t events)
{
    struct client *client = &clients[number];

    if (client->state == GONE) return;
    if (client->state == CONNECTING) {
        if (events & (EPOLLERR | EPOLLHUP)) drop(client);
        else if (events & EPOLLOUT) upgrade(client, number);
        return;
    }
    receive(client);
}

/* Talking to the harness */

static void tell_opened(void)
{
    static int told = 0;

    if (told || opened + failed < wanted) return;
    told = 1;
    printf("open %d %d %.4f\n", opened, failed, (now() - began) / 1e9);
}

static void tell_awaited(void)
{
    if (!await_until || (marked < awaited && now() < await_until)) return;
    await_until = 0;
    printf("marked %lu\n", marked);
}

static void report(void)
{
    if (latencies.count) qsort(latencies.us, latencies.count, sizeof *latencies.us, compare);
    printf("marked=%lu frames=%lu bytes=%lu open=%d greeted=%d p50=%u p99=%u max=%u cpu_ns=%lu\n", marked, frames,
           bytes, opened, greeted, percentile(0.5), percentile(0.99), percentile(1), cpu_ns);
    marked = frames = bytes = cpu_ns = latencies.count = 0;
}

static void obey(void)
{
    char line[256];
    unsigned milliseconds;
    ssize_t size = read(STDIN_FILENO, line, sizeof line - 1);

    if (size <= 0) exit(0);
    line[size] = 0;
    if (sscanf(line, "await %lu %u", &awaited, &milliseconds) == 2) await_until = now() + milliseconds * 1000000ull;
    else if (!strncmp(line, "report", 6)) report();
}

static void read_cookies(const char *name)
{
    FILE *file = fopen(name, "r");
    char line[2048];

    if (!file) stop(name);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        cookies = realloc(cookies, (cookie_count + 1) * sizeof *cookies);
        if (!cookies || !(cookies[cookie_count++] = strdup(line))) stop("memory");
    }
    fclose(file);
}

static void read_arguments(int count, char **words)
{
    if (count < 5) {
        fprintf(stderr, "usage: wsload PORT PATH SOCKETS IN_FLIGHT [COOKIES]\n");
        exit(2);
    }
    port = atoi(words[1]);
    path = words[2];
    wanted = atoi(words[3]);
    in_flight = atoi(words[4]);
    if (count > 5) read_cookies(words[5]);
}

int main(int count, char **words)
{
    const struct timespec pause = {.tv_nsec = 50000};
    struct epoll_event events[EVENTS];

    read_arguments(count, words);
    setvbuf(stdout, NULL, _IOLBF, 0);
    clients = calloc(wanted, sizeof *clients);
    epoll = epoll_create1(0);
    if (!clients || epoll < 0) stop("start");
    watch(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, COMMANDS);
    began = now();
    for (;;) {
        while (started < wanted && handshaking < in_flight) connect_next();
        int ready = epoll_wait(epoll, events, EVENTS, await_until ? 0 : 1000);
        uint64_t before = ready ? clock_ns(CLOCK_THREAD_CPUTIME_ID) : 0;
        for (int i = 0; i < ready; i++) {
            if (events[i].data.u32 == COMMANDS) obey();
            else handle(events[i].data.u32, events[i].events);
        }
        if (ready) cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
        else if (await_until) nanosleep(&pause, NULL);
        tell_opened();
        tell_awaited();
    }
}
