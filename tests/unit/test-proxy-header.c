/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The PROXY header: one table of good and one of bad ones, each whole, byte by byte and cut
 * anywhere, always in blocks of their exact size, and with a request behind that must not be looked
 * at. */
#include "lib/peer.h"
#include "lib/proxy-header.h"

#include <glib.h>

#define V1 P2P_PROXY_HEADER_V1
#define V2 P2P_PROXY_HEADER_V2
#define ANY (V1 | V2)

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define A4 "\xc0\x00\x02\x01\x0a\x00\x00\x01" /* 192.0.2.1 10.0.0.1 */
#define A6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02"
#define MAPPED                                                                                     \
  "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x09"                                                   \
  "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x00\x00\x01"
#define PORTS "\x12\x67\x01\xbb" /* 4711 443 */
#define BYTES_18 "012345678901234567"
#define BYTES_108 BYTES_18 BYTES_18 BYTES_18 BYTES_18 BYTES_18 BYTES_18
#define UNIX BYTES_108 BYTES_108
#define BEHIND "GET / HTTP/1.1\r\n"

static const struct
{
  const char *name;
  P2pSpan wire;
  unsigned versions;
  const char *source; /* (nullable: the connection's own) "address port" */
} good_rows[] = {
  { "tcp4", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"), V1, "192.0.2.1 4711" },
  { "tcp4-any", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"), ANY, "192.0.2.1 4711" },
  { "tcp4-limits", P2P_SPAN ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), V1,
    "255.255.255.255 65535" },
  { "tcp4-zeros", P2P_SPAN ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), V1, "0.0.0.0 0" },
  { "tcp6", P2P_SPAN ("PROXY TCP6 2001:db8::1 fd00::2 4711 443\r\n"), V1, "2001:db8::1 4711" },
  { "tcp6-capitals", P2P_SPAN ("PROXY TCP6 2001:DB8:0:0:0:0:0:A ::1 1 2\r\n"), V1,
    "2001:db8::a 1" },
  { "tcp6-longest",
    P2P_SPAN ("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
    V1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535" },
  { "tcp6-mapped", P2P_SPAN ("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.1 1 2\r\n"), V1,
    "192.0.2.1 1" },
  { "unknown", P2P_SPAN ("PROXY UNKNOWN\r\n"), V1, NULL },
  { "unknown-rest", P2P_SPAN ("PROXY UNKNOWN 192.0.2.1 anything 4711 443\r\n"), V1, NULL },
  { "unknown-107",
    P2P_SPAN ("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
    V1, NULL },

  { "local", P2P_SPAN (SIGNATURE "\x20\x00\x00\x00"), V2, NULL },
  { "local-any", P2P_SPAN (SIGNATURE "\x20\x00\x00\x00"), ANY, NULL },
  { "local-addresses", P2P_SPAN (SIGNATURE "\x20\x11\x00\x0c" A4 PORTS), V2, NULL },
  { "local-junk",
    P2P_SPAN (SIGNATURE "\x20\x11\x00\x03"
                        "\xff\xff\xff"),
    V2, NULL },
  { "inet", P2P_SPAN (SIGNATURE "\x21\x11\x00\x0c" A4 PORTS), V2, "192.0.2.1 4711" },
  { "inet-any", P2P_SPAN (SIGNATURE "\x21\x11\x00\x0c" A4 PORTS), ANY, "192.0.2.1 4711" },
  { "inet6", P2P_SPAN (SIGNATURE "\x21\x21\x00\x24" A6 PORTS), V2, "2001:db8::1 4711" },
  { "inet6-mapped", P2P_SPAN (SIGNATURE "\x21\x21\x00\x24" MAPPED PORTS), V2, "192.0.2.9 4711" },
  { "unspec", P2P_SPAN (SIGNATURE "\x21\x00\x00\x00"), V2, NULL },
  { "unspec-bytes",
    P2P_SPAN (SIGNATURE "\x21\x00\x00\x05"
                        "\xff\xff\xff\xff\xff"),
    V2, NULL },
  { "unix", P2P_SPAN (SIGNATURE "\x21\x31\x00\xd8" UNIX), V2, NULL },
  { "datagrams", P2P_SPAN (SIGNATURE "\x21\x12\x00\x0c" A4 PORTS), V2, NULL },
  { "no-transport", P2P_SPAN (SIGNATURE "\x21\x10\x00\x0c" A4 PORTS), V2, NULL },
  { "alpn", P2P_SPAN (SIGNATURE "\x21\x11\x00\x11" A4 PORTS "\x01\x00\x02h2"), V2,
    "192.0.2.1 4711" },
  { "padding", P2P_SPAN (SIGNATURE "\x21\x11\x00\x0f" A4 PORTS "\x04\x00\x00"), V2,
    "192.0.2.1 4711" },
  { "three-fields",
    P2P_SPAN (SIGNATURE "\x21\x11\x00\x18" A4 PORTS "\x02\x00\x01"
                        "a"
                        "\xea\x00\x02"
                        "bc"
                        "\x04\x00\x00"),
    V2, "192.0.2.1 4711" },
  { "checksum",
    P2P_SPAN (SIGNATURE "\x21\x11\x00\x13" A4 PORTS "\x03\x00\x04"
                        "\x9a\x17\xd8\xb5"),
    V2, "192.0.2.1 4711" },
};

static const struct
{
  const char *name;
  P2pSpan wire;
  unsigned versions;
} bad_rows[] = {
  { "http", P2P_SPAN ("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), ANY },
  { "post", P2P_SPAN ("POST / HTTP/1.1\r\n"), ANY },
  { "tls", P2P_SPAN ("\x16\x03\x01\x02\x00\x01"), ANY },
  { "zero", P2P_SPAN ("\0\0\0\0\0\0\0\0"), ANY },
  { "lower-case", P2P_SPAN ("proxy TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"), ANY },
  { "v1-not-wanted", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"), V2 },
  { "v2-not-wanted", P2P_SPAN (SIGNATURE "\x21\x11\x00\x0c" A4 PORTS), V1 },
  { "tab", P2P_SPAN ("PROXY\tTCP4 192.0.2.1 10.0.0.1 4711 443\r\n"), V1 },
  { "blank-first", P2P_SPAN (" PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"), V1 },
  { "no-protocol", P2P_SPAN ("PROXY \r\n"), V1 },
  { "udp", P2P_SPAN ("PROXY UDP4 192.0.2.1 10.0.0.1 4711 443\r\n"), V1 },
  { "tcp5", P2P_SPAN ("PROXY TCP5 192.0.2.1 10.0.0.1 4711 443\r\n"), V1 },
  { "tcp4-small", P2P_SPAN ("PROXY tcp4 192.0.2.1 10.0.0.1 4711 443\r\n"), V1 },
  { "unknown-longer", P2P_SPAN ("PROXY UNKNOWNS\r\n"), V1 },
  { "two-blanks", P2P_SPAN ("PROXY TCP4  192.0.2.1 10.0.0.1 4711 443\r\n"), V1 },
  { "two-blanks-before", P2P_SPAN ("PROXY  TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"), V1 },
  { "blank-behind", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443 \r\n"), V1 },
  { "more-behind", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443 80\r\n"), V1 },
  { "tab-between", P2P_SPAN ("PROXY TCP4 192.0.2.1\t10.0.0.1 4711 443\r\n"), V1 },
  { "no-ports", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1\r\n"), V1 },
  { "one-port", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n"), V1 },
  { "empty-port", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 \r\n"), V1 },
  { "port-65536", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 65536 443\r\n"), V1 },
  { "port-six-digits", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 004711 443\r\n"), V1 },
  { "port-leading-zero", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 0471 443\r\n"), V1 },
  { "port-signed", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 +471 443\r\n"), V1 },
  { "port-negative", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 -1 443\r\n"), V1 },
  { "port-hex", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 0x12 443\r\n"), V1 },
  { "destination-port", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 99999\r\n"), V1 },
  { "octet-256", P2P_SPAN ("PROXY TCP4 192.0.2.256 10.0.0.1 4711 443\r\n"), V1 },
  { "three-octets", P2P_SPAN ("PROXY TCP4 192.0.2 10.0.0.1 4711 443\r\n"), V1 },
  { "octal", P2P_SPAN ("PROXY TCP4 192.0.2.010 10.0.0.1 4711 443\r\n"), V1 },
  { "tcp4-of-v6", P2P_SPAN ("PROXY TCP4 2001:db8::1 fd00::2 4711 443\r\n"), V1 },
  { "tcp6-of-v4", P2P_SPAN ("PROXY TCP6 192.0.2.1 10.0.0.1 4711 443\r\n"), V1 },
  { "tcp6-scope", P2P_SPAN ("PROXY TCP6 fe80::1%lo fd00::2 4711 443\r\n"), V1 },
  { "tcp6-brackets", P2P_SPAN ("PROXY TCP6 [2001:db8::1] fd00::2 4711 443\r\n"), V1 },
  { "name", P2P_SPAN ("PROXY TCP4 localhost 10.0.0.1 4711 443\r\n"), V1 },
  { "destination", P2P_SPAN ("PROXY TCP4 192.0.2.1 nowhere 4711 443\r\n"), V1 },
  { "bare-lf", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\n"), V1 },
  { "bare-cr", P2P_SPAN ("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\rGET"), V1 },
  { "nul", P2P_SPAN ("PROXY TCP4 192.0.2.1\0 10.0.0.1 4711 443\r\n"), V1 },
  { "unknown-lf", P2P_SPAN ("PROXY UNKNOWN a\nb\r\n"), V1 },
  { "too-long", P2P_SPAN ("PROXY UNKNOWN " BYTES_108), V1 },
  { "108",
    P2P_SPAN ("PROXY UNKNOWN  ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
    V1 },

  { "signature",
    P2P_SPAN ("\r\n\r\n\0\r\nQUIT\r"
              "\x21\x11\x00\x0c" A4 PORTS),
    V2 },
  { "empty-lines", P2P_SPAN ("\r\n\r\nGET / HTTP/1.1\r\n"), ANY },
  { "version-1", P2P_SPAN (SIGNATURE "\x11\x11\x00\x0c" A4 PORTS), V2 },
  { "version-3", P2P_SPAN (SIGNATURE "\x31\x11\x00\x0c" A4 PORTS), V2 },
  { "command-2", P2P_SPAN (SIGNATURE "\x22\x11\x00\x0c" A4 PORTS), V2 },
  { "command-15", P2P_SPAN (SIGNATURE "\x2f\x11\x00\x0c" A4 PORTS), V2 },
  { "family-4", P2P_SPAN (SIGNATURE "\x21\x41\x00\x0c" A4 PORTS), V2 },
  { "family-15", P2P_SPAN (SIGNATURE "\x21\xf1\x00\x0c" A4 PORTS), V2 },
  { "transport-3", P2P_SPAN (SIGNATURE "\x21\x13\x00\x0c" A4 PORTS), V2 },
  { "local-family-4", P2P_SPAN (SIGNATURE "\x20\x41\x00\x00"), V2 },
  { "inet-none", P2P_SPAN (SIGNATURE "\x21\x11\x00\x00"), V2 },
  { "inet-short", P2P_SPAN (SIGNATURE "\x21\x11\x00\x0b" A4 PORTS), V2 },
  { "inet6-short", P2P_SPAN (SIGNATURE "\x21\x21\x00\x23" A6 PORTS), V2 },
  { "inet6-as-inet", P2P_SPAN (SIGNATURE "\x21\x21\x00\x0c" A4 PORTS), V2 },
  { "unix-short", P2P_SPAN (SIGNATURE "\x21\x31\x00\x0c" A4 PORTS), V2 },
  { "too-large", P2P_SPAN (SIGNATURE "\x21\x11\x0f\xf1" A4 PORTS), V2 },
  { "largest", P2P_SPAN (SIGNATURE "\x21\x11\xff\xff" A4 PORTS), V2 },
  { "local-too-large", P2P_SPAN (SIGNATURE "\x20\x00\xff\xff"), V2 },
  { "half-field", P2P_SPAN (SIGNATURE "\x21\x11\x00\x0e" A4 PORTS "\x01\x00"), V2 },
  { "one-byte-field", P2P_SPAN (SIGNATURE "\x21\x11\x00\x0d" A4 PORTS "\x01"), V2 },
  { "field-beyond",
    P2P_SPAN (SIGNATURE "\x21\x11\x00\x10" A4 PORTS "\x01\x00\x02h"
                        "2"),
    V2 },
  { "field-far-beyond", P2P_SPAN (SIGNATURE "\x21\x11\x00\x0f" A4 PORTS "\x01\xff\xff"), V2 },
  { "checksum-wrong",
    P2P_SPAN (SIGNATURE "\x21\x11\x00\x13" A4 PORTS "\x03\x00\x04"
                        "\x9a\x17\xd8\xb4"),
    V2 },
  { "checksum-short",
    P2P_SPAN (SIGNATURE "\x21\x11\x00\x12" A4 PORTS "\x03\x00\x03"
                        "\x9a\x17\xd8"),
    V2 },
};

/* The first n bytes in a block of their own, so that ASan sees a look beyond. */
static P2pProxyHeaderResult
parse_exact (const char *bytes, size_t n, unsigned versions, P2pProxyHeader *ret_header)
{
  g_autofree char *exact = n > 0 ? g_memdup2 (bytes, n) : NULL;

  return p2p_proxy_header_parse ((P2pSpan){ exact, n }, versions, ret_header);
}

static char *
describe_source (const P2pProxyHeader *header)
{
  char address[INET6_ADDRSTRLEN];
  uint16_t port;

  if (header->source.ss_family == AF_UNSPEC)
    return NULL;
  p2p_peer_format ((const struct sockaddr *) &header->source, address, &port);
  return g_strdup_printf ("%s %u", address, port);
}

static void
check_good (const char *bytes, size_t n, size_t size, unsigned versions, const char *source)
{
  P2pProxyHeader header;
  g_autofree char *got = NULL;

  g_assert_cmpint (parse_exact (bytes, n, versions, &header), ==, P2P_PROXY_HEADER_OK);
  g_assert_cmpuint (header.size, ==, size);
  got = describe_source (&header);
  g_assert_cmpstr (got, ==, source);
}

static void
test_good (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (good_rows); i++)
    {
      P2pSpan wire = good_rows[i].wire;
      g_autofree char *more = g_malloc (wire.n + strlen (BEHIND));
      P2pProxyHeader header;

      g_test_message ("%s", good_rows[i].name);
      memcpy (more, wire.p, wire.n);
      memcpy (more + wire.n, BEHIND, strlen (BEHIND));
      for (size_t n = 0; n < wire.n; n++)
        g_assert_cmpint (parse_exact (wire.p, n, good_rows[i].versions, &header), ==,
                         P2P_PROXY_HEADER_MORE);
      for (size_t n = 0; n <= strlen (BEHIND); n++)
        check_good (more, wire.n + n, wire.n, good_rows[i].versions, good_rows[i].source);
    }
}

/* Once bad, for ever bad; before, more is asked for. */
static void
test_bad (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (bad_rows); i++)
    {
      P2pSpan wire = bad_rows[i].wire;
      P2pProxyHeaderResult result = P2P_PROXY_HEADER_MORE;
      P2pProxyHeader header;

      g_test_message ("%s", bad_rows[i].name);
      for (size_t n = 0; n <= wire.n; n++)
        {
          P2pProxyHeaderResult now = parse_exact (wire.p, n, bad_rows[i].versions, &header);

          g_assert_cmpint (now, !=, P2P_PROXY_HEADER_OK);
          g_assert_true (result == P2P_PROXY_HEADER_MORE || now == P2P_PROXY_HEADER_BAD);
          g_assert_true (now == P2P_PROXY_HEADER_MORE || header.reason_bad.n > 0);
          result = now;
        }
      g_assert_cmpint (result, ==, P2P_PROXY_HEADER_BAD);
    }
}

/* The longest that is read, filled with one field; a byte of it less is not enough. */
static void
test_longest (void)
{
  const size_t n_value = P2P_PROXY_HEADER_MAX - 16 - 12 - 3;
  g_autofree char *wire = g_malloc0 (P2P_PROXY_HEADER_MAX);
  P2pProxyHeader header;

  memcpy (wire, SIGNATURE "\x21\x11\x0f\xf0" A4 PORTS "\xe0", 29);
  wire[29] = (char) (n_value >> 8);
  wire[30] = (char) (n_value & 0xff);
  check_good (wire, P2P_PROXY_HEADER_MAX, P2P_PROXY_HEADER_MAX, V2, "192.0.2.1 4711");
  g_assert_cmpint (parse_exact (wire, P2P_PROXY_HEADER_MAX - 1, V2, &header), ==,
                   P2P_PROXY_HEADER_MORE);
}

/* No version wanted: nothing is a header, and nothing is waited for. */
static void
test_none (void)
{
  P2pProxyHeader header;

  g_assert_cmpint (parse_exact ("", 0, 0, &header), ==, P2P_PROXY_HEADER_BAD);
  g_assert_cmpint (parse_exact ("", 0, ANY, &header), ==, P2P_PROXY_HEADER_MORE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/proxy-header/good", test_good);
  g_test_add_func ("/proxy-header/bad", test_bad);
  g_test_add_func ("/proxy-header/longest", test_longest);
  g_test_add_func ("/proxy-header/none", test_none);
  return g_test_run ();
}
