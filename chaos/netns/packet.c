/* IPv4 and TCP, as far as a switch looks at them. All fields are as the network has them: the first byte first. */
#include <netinet/in.h>
#include <string.h>

#include "chaos/netns/netns_private.h"

#define IP_SIZE 20
#define TCP_SIZE 20

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static unsigned read16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void write16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t read32(const uint8_t *at)
{
    return (uint32_t)read16(at) << 16 | read16(at + 2);
}

static void write32(uint8_t *at, uint32_t value)
{
    write16(at, value >> 16);
    write16(at + 2, value & 0xffff);
}

static size_t ip_size(const uint8_t *bytes)
{
    return (size_t)(bytes[0] & 15) * 4;
}

bool netns_packet_read(const uint8_t *bytes, size_t len, struct netns_header *header)
{
    if (len < IP_SIZE || bytes[0] >> 4 != 4 || ip_size(bytes) < IP_SIZE)
        return false;
    *header = (struct netns_header){.from = bytes[15] - 1U, .to = bytes[19] - 1U}; /* the last byte of an address */
    const uint8_t *tcp = bytes + ip_size(bytes);
    if (bytes[9] != IPPROTO_TCP || len < ip_size(bytes) + TCP_SIZE)
        return true;
    header->is_tcp = true;
    header->source = (uint16_t)read16(tcp);
    header->target = (uint16_t)read16(tcp + 2);
    header->is_syn = (tcp[13] & SYN) != 0;
    header->is_ack = (tcp[13] & ACK) != 0;
    header->is_end = (tcp[13] & (FIN | RST)) != 0;
    return true;
}

static uint32_t add(uint32_t sum, const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i += 2)
        sum += read16(at + i);
    return sum;
}

static unsigned fold(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

size_t netns_packet_refuse(const uint8_t *syn, uint8_t answer[NETNS_PACKET_MAX])
{
    const uint8_t *theirs = syn + ip_size(syn);
    uint8_t *tcp = answer + IP_SIZE;

    memset(answer, 0, IP_SIZE + TCP_SIZE);
    answer[0] = 0x45;
    write16(answer + 2, IP_SIZE + TCP_SIZE);
    answer[8] = 64;
    answer[9] = IPPROTO_TCP;
    memcpy(answer + 12, syn + 16, 4);
    memcpy(answer + 16, syn + 12, 4);
    write16(answer + 10, fold(add(0, answer, IP_SIZE)));
    write16(tcp, read16(theirs + 2));
    write16(tcp + 2, read16(theirs));
    write32(tcp + 8, read32(theirs + 4) + 1);
    tcp[12] = TCP_SIZE / 4 << 4;
    tcp[13] = RST | ACK;
    write16(tcp + 16, fold(add(add(IPPROTO_TCP + TCP_SIZE, answer + 12, 8), tcp, TCP_SIZE)));
    return IP_SIZE + TCP_SIZE;
}
