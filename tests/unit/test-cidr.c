/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Networks of addresses: what is one, and who is in it, every prefix length against a comparison
 * bit by bit. */
#include "lib/cidr.h"

#include <arpa/inet.h>
#include <glib.h>

static const struct
{
  const char *text;
  const char *inside, *outside; /* (nullable) addresses, IPv4 as it is mapped */
} good_rows[] = {
  { "10.0.0.0/8", "::ffff:10.255.255.255", "::ffff:11.0.0.0" },
  { "10.1.2.3/8", "::ffff:10.0.0.0", "::ffff:9.255.255.255" },
  { "192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.0" },
  { "192.0.2.1/32", "::ffff:192.0.2.1", "::ffff:192.0.2.2" },
  { "192.0.2.0/31", "::ffff:192.0.2.1", "::ffff:192.0.2.2" },
  { "192.0.2.128/25", "::ffff:192.0.2.255", "::ffff:192.0.2.127" },
  { "0.0.0.0/0", "::ffff:255.255.255.255", "::1" },
  { "0.0.0.0/0", "::ffff:0.0.0.0", "::" },
  { "255.255.255.255", "::ffff:255.255.255.255", "::ffff:255.255.255.254" },
  { "fd00::/8", "fdff::1", "fc00::1" },
  { "fc00::/7", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::" },
  { "2001:db8::1", "2001:db8::1", "2001:db8::2" },
  { "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::" },
  { "2001:db8::1/127", "2001:db8::", "2001:db8::2" },
  { "::/0", "ffff::", NULL },
  { "::/0", "::ffff:10.0.0.1", NULL },
  { "::1", "::1", "::" },
  { "::ffff:10.0.0.0/104", "::ffff:10.9.9.9", "::ffff:11.0.0.0" },
  { "::ffff:192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2" },
  { "10.0.0.0/08", "::ffff:10.1.1.1", "::ffff:11.0.0.0" },
};

static const char *const bad_rows[] = {
  "",
  "/",
  "/8",
  "10.0.0.0/",
  "10.0.0.0/33",
  "10.0.0.0/-1",
  "10.0.0.0/+8",
  "10.0.0.0/ 8",
  "10.0.0.0/8 ",
  " 10.0.0.0/8",
  "10.0.0.0/8/8",
  "10.0.0.0/0008",
  "10.0.0.0/8a",
  "10.0.0.0/255.0.0.0",
  "10.0.0",
  "10.0.0.0.0",
  "10.0.0.256",
  "010.0.0.0",
  "0x0a.0.0.0",
  "10",
  "fd00::/129",
  "fd00::/1280",
  "fd00:::/8",
  "fd00::1::2",
  "fd00",
  "[fd00::]/8",
  "fe80::1%lo",
  "fe80::1%lo/64",
  "localhost",
  "*",
  "all",
  "unix",
  "1111:2222:3333:4444:5555:6666:7777:8888:9999",
  "1111:2222:3333:4444:5555:6666:255.255.255.255.255.255.255/8",
};

static void
put_address (const char *text, uint8_t ret_address[16])
{
  g_assert_cmpint (inet_pton (AF_INET6, text, ret_address), ==, 1);
}

/* From a block of its exact size. */
static bool
parse_exact (P2pSpan text, P2pCidr *ret_cidr)
{
  g_autofree char *exact = text.n > 0 ? g_memdup2 (text.p, text.n) : NULL;

  return p2p_cidr_parse ((P2pSpan){ exact, text.n }, ret_cidr);
}

static void
test_good (void)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (good_rows); i++)
    {
      uint8_t address[16];
      P2pCidr cidr;

      g_test_message ("%s", good_rows[i].text);
      g_assert_true (parse_exact (p2p_span_from_string (good_rows[i].text), &cidr));
      g_assert_cmpuint (cidr.bits, <=, 128);
      put_address (good_rows[i].inside, address);
      g_assert_true (p2p_cidr_contains (&cidr, address));
      if (!good_rows[i].outside)
        continue;
      put_address (good_rows[i].outside, address);
      g_assert_false (p2p_cidr_contains (&cidr, address));
    }
}

static void
test_bad (void)
{
  P2pCidr cidr;

  for (unsigned i = 0; i < G_N_ELEMENTS (bad_rows); i++)
    {
      g_test_message ("%s", bad_rows[i]);
      g_assert_false (parse_exact (p2p_span_from_string (bad_rows[i]), &cidr));
    }
  g_assert_false (parse_exact (P2P_SPAN ("10.0.0.1\0"), &cidr));
  g_assert_false (parse_exact (P2P_SPAN ("10.0.0.1\0/8"), &cidr));
  g_assert_false (parse_exact (P2P_SPAN ("10.0.0.0/\0" "8"), &cidr));
}

static bool
same_bits (const uint8_t a[16], const uint8_t b[16], unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    if ((a[i / 8] ^ b[i / 8]) & (0x80 >> (i % 8)))
      return false;
  return true;
}

/* Every length, with an address that differs in one bit, whichever. */
static void
test_every_bit (void)
{
  uint8_t address[16];

  put_address ("2001:db8:a5a5:5a5a:0123:4567:89ab:cdef", address);
  for (unsigned bits = 0; bits <= 128; bits++)
    {
      g_autofree char *text = g_strdup_printf ("2001:db8:a5a5:5a5a:0123:4567:89ab:cdef/%u", bits);
      P2pCidr cidr;

      g_assert_true (parse_exact (p2p_span_from_string (text), &cidr));
      g_assert_true (same_bits (cidr.address, address, bits));
      g_assert_true (p2p_cidr_contains (&cidr, address));
      for (unsigned bit = 0; bit < 128; bit++)
        {
          uint8_t other[16];

          memcpy (other, address, sizeof other);
          other[bit / 8] ^= (uint8_t) (0x80 >> (bit % 8));
          g_assert_true (p2p_cidr_contains (&cidr, other) == same_bits (address, other, bits));
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cidr/good", test_good);
  g_test_add_func ("/cidr/bad", test_bad);
  g_test_add_func ("/cidr/every-bit", test_every_bit);
  return g_test_run ();
}
