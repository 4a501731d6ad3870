/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Where the agent lets the daemon go (security case 13): entries, and what they allow. */
#include "agent/allow.h"

#include "lib/settings.h"
#include "tests/unit/put-address.h"

#include <glib.h>

/* From the text of the two settings. */
static Allow *
make (const char *allow, const char *deny)
{
  g_auto (GStrv) allowed = g_strsplit (allow, ",", -1), denied = g_strsplit (deny, ",", -1);
  g_autoptr (GError) error = NULL;
  Allow *self = allow_new (allowed, denied, &error);

  g_assert_no_error (error);
  return self;
}

/* As judge_and_connect () asks: for the name, then for the address. */
static AllowVerdict
judge (const char *allow, const char *deny, const char *host, uint16_t port, const char *address)
{
  g_autoptr (Allow) self = make (allow, deny);
  struct sockaddr_storage to;
  AllowVerdict verdict = allow_judge_name (self, host, port);

  (void) put_address (address, &to);
  return verdict == ALLOW_YES
             ? allow_judge_address (self, host, port, (const struct sockaddr *) &to)
             : verdict;
}

/* --- entries ---------------------------------------------------------------------------------- */

static const char *const good_entries[] = {
  "a",
  "A.Example.com.",
  "*.example.com",
  "*.com:1-65535",
  "a_b-c.example:443",
  "3com.example",
  "10.0.0.1",
  "10.0.0.1:80",
  "10.0.0.0/8:8000-8099",
  "0.0.0.0/0",
  "::/0",
  "fd00::1",
  "fd00::/8",
  "[fd00::/8]",
  "[fd00::1]:443",
  "[fd00::/8]:1-2",
  "fd00::/8:443",
};

static const char *const bad_entries[] = {
  "*",
  "*.",
  ".",
  "*:80",
  "*.*.example",
  "a.*.example",
  "a..example",
  ".example",
  "a b",
  "a/b",
  "http://a",
  "a:",
  "a:0",
  "a:65536",
  "a:+1",
  "a:80-",
  "a:-80",
  "a:81-80",
  "a:80-81-82",
  "a:http",
  "a:80:81",
  ":80",
  "10.0.0",
  "10.1",
  "0x7f.0x1",
  "2130706433",
  "a.1",
  "10.0.0.0/33",
  "10.0.0.0/8/8",
  "10.0.0.0/a",
  "[10.0.0.1]:80",
  "[fd00::1",
  "[fd00::1]80",
  "[fd00::1]:",
  "[fd00::]/8",
  "[]:80",
  "fd00::/8:",
  "fd00::/129",
  "fe80::1%eth0",
  "\xc3\xa4.example",
};

static void
test_entries (void)
{
  char *const none[] = { NULL };

  for (unsigned i = 0; i < G_N_ELEMENTS (good_entries); i++)
    {
      g_test_message ("%s", good_entries[i]);
      allow_free (make (good_entries[i], good_entries[i]));
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (bad_entries); i++)
    {
      char *texts[] = { (char *) "good.example", (char *) bad_entries[i], NULL };
      g_autofree char *quoted = g_strdup_printf ("'%s'", bad_entries[i]);
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", bad_entries[i]);
      g_assert_null (allow_new (texts, none, &error));
      g_assert_true (g_str_has_prefix (error->message, "AGENT_ALLOW: "));
      g_assert_nonnull (strstr (error->message, quoted));
      g_clear_error (&error);
      g_assert_null (allow_new (none, texts, &error));
      g_assert_true (g_str_has_prefix (error->message, "AGENT_DENY: "));
    }
}

static void
test_long_names (void)
{
  g_autofree char *label = g_strnfill (63, 'a'), *longer = g_strnfill (64, 'a');
  g_autofree char *name = g_strdup_printf ("%s.%s.%s.%.61s", label, label, label, label);
  g_autofree char *too_long = g_strdup_printf ("%s.%s.%s.%.62s", label, label, label, label);
  const char *bad[] = { longer, too_long };

  g_assert_cmpuint (strlen (name), ==, 253);
  allow_free (make (name, label));
  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      char *texts[] = { (char *) bad[i], NULL };
      g_autoptr (GError) error = NULL;

      g_assert_null (allow_new (texts, NULL, &error));
      g_assert_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE);
    }
}

/* --- what they allow -------------------------------------------------------------------------- */

/* Without any entry. */
static void
test_defaults (void)
{
  static const struct
  {
    const char *address;
    bool forbidden;
  } rows[] = {
    { "127.0.0.1", false },
    { "0.0.0.0", false },
    { "10.0.0.1", false },
    { "169.253.255.255", false },
    { "169.254.0.0", true },
    { "169.254.169.254", true },
    { "169.255.0.0", false },
    { "::1", false },
    { "::", false },
    { "fd00::1", false },
    { "fd00:ec2::254", true },
    { "fd00:ec2::253", false },
    { "fe80::1", true },
    { "febf::1", true },
    { "fec0::1", false },
    { "::ffff:169.254.169.254", true },
    { "::ffff:10.0.0.1", false },
    { "64:ff9b::169.254.169.254", true },
    { "64:ff9b::8.8.8.8", false },
    { "64:ff9b:1::169.254.169.254", false },
    { "2002:a9fe:a9fe::1", true },
    { "2002:808:808::1", false },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_test_message ("%s", rows[i].address);
      g_assert_cmpint (judge ("", "", "a.example", 80, rows[i].address), ==,
                       rows[i].forbidden ? ALLOW_METADATA : ALLOW_YES);
    }
}

static const struct
{
  const char *allow, *deny, *host;
  uint16_t port;
  const char *address;
  AllowVerdict verdict;
} rows[] = {
  /* Names. */
  { "a.example", "", "a.example", 1, "203.0.113.1", ALLOW_YES },
  { "a.example", "", "A.Example.", 65535, "203.0.113.1", ALLOW_YES },
  { "a.example.", "", "a.example..", 80, "203.0.113.1", ALLOW_YES },
  { "a.example", "", "a.example", 80, "10.0.0.1", ALLOW_YES },
  { "a.example", "", "a.example", 80, "fd00::1", ALLOW_YES },
  { "a.example", "", "b.example", 80, "203.0.113.1", ALLOW_UNLISTED },
  { "a.example", "", "aa.example", 80, "203.0.113.1", ALLOW_UNLISTED },
  { "a.example", "", "a.example.com", 80, "203.0.113.1", ALLOW_UNLISTED },
  { "a.example", "", "203.0.113.1", 80, "203.0.113.1", ALLOW_UNLISTED },
  { "*.a.example", "", "b.a.example", 80, "203.0.113.1", ALLOW_YES },
  { "*.a.example", "", "C.b.A.example.", 80, "203.0.113.1", ALLOW_YES },
  { "*.a.example", "", "a.example", 80, "203.0.113.1", ALLOW_UNLISTED },
  { "*.a.example", "", ".a.example", 80, "203.0.113.1", ALLOW_UNLISTED },
  { "*.a.example", "", "ba.example", 80, "203.0.113.1", ALLOW_UNLISTED },
  /* A name opens no way to where only the machine itself, or its cloud, is. */
  { "a.example", "", "a.example", 80, "127.0.0.1", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "127.255.0.1", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "0.0.0.0", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "::", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "::1", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "::ffff:127.0.0.1", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "::ffff:0.0.0.0", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "64:ff9b::127.0.0.1", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "64:ff9b::", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "2002:7f00:1::", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "2002::", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "169.254.1.1", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "fe80::1", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "fd00:ec2::254", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "::ffff:169.254.169.254", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "64:ff9b::169.254.169.254", ALLOW_BY_NAME },
  { "a.example", "", "a.example", 80, "2002:a9fe:a9fe::", ALLOW_BY_NAME },
  { "localhost", "", "localhost", 80, "127.0.0.1", ALLOW_BY_NAME },
  { "localhost,127.0.0.1", "", "localhost", 80, "127.0.0.1", ALLOW_YES },
  /* Networks. */
  { "10.0.0.0/8", "", "any.example", 80, "10.9.8.7", ALLOW_YES },
  { "10.0.0.0/8", "", "10.9.8.7", 80, "10.9.8.7", ALLOW_YES },
  { "10.0.0.0/8", "", "any.example", 80, "::ffff:10.9.8.7", ALLOW_YES },
  { "10.0.0.0/8", "", "any.example", 80, "64:ff9b::10.9.8.7", ALLOW_UNLISTED },
  { "10.0.0.0/8", "", "any.example", 80, "2002:a09:807::", ALLOW_UNLISTED },
  { "10.0.0.0/8", "", "any.example", 80, "11.0.0.0", ALLOW_UNLISTED },
  { "10.0.0.0/8", "", "any.example", 80, "169.254.169.254", ALLOW_UNLISTED },
  { "10.0.0.0/8", "", "any.example", 80, "127.0.0.1", ALLOW_UNLISTED },
  { "fd00::/8", "", "any.example", 80, "fdff::1", ALLOW_YES },
  { "fd00::/8", "", "any.example", 80, "fe80::1", ALLOW_UNLISTED },
  { "127.0.0.0/8", "", "any.example", 80, "127.0.0.1", ALLOW_YES },
  { "127.0.0.0/8", "", "any.example", 80, "0.0.0.0", ALLOW_UNLISTED },
  { "0.0.0.0", "", "any.example", 80, "0.0.0.0", ALLOW_YES },
  { "::1", "", "any.example", 80, "::1", ALLOW_YES },
  { "169.254.169.254", "", "any.example", 80, "169.254.169.254", ALLOW_YES },
  { "169.254.0.0/16", "", "any.example", 80, "::ffff:169.254.169.254", ALLOW_YES },
  { "169.254.0.0/16", "", "any.example", 80, "2002:a9fe:a9fe::", ALLOW_UNLISTED },
  { "64:ff9b::/96", "", "any.example", 80, "64:ff9b::169.254.169.254", ALLOW_YES },
  { "0.0.0.0/0", "", "any.example", 80, "203.0.113.1", ALLOW_YES },
  { "0.0.0.0/0", "", "any.example", 80, "2001:db8::1", ALLOW_UNLISTED },
  { "::/0", "", "any.example", 80, "2001:db8::1", ALLOW_YES },
  { "::/0", "", "any.example", 80, "203.0.113.1", ALLOW_UNLISTED },
  { "::/0", "", "any.example", 80, "::ffff:127.0.0.1", ALLOW_UNLISTED },
  /* Ports. */
  { "a.example:80", "", "a.example", 80, "203.0.113.1", ALLOW_YES },
  { "a.example:80", "", "a.example", 81, "203.0.113.1", ALLOW_UNLISTED },
  { "a.example:80-90", "", "a.example", 79, "203.0.113.1", ALLOW_UNLISTED },
  { "a.example:80-90", "", "a.example", 90, "203.0.113.1", ALLOW_YES },
  { "a.example:80-90", "", "a.example", 91, "203.0.113.1", ALLOW_UNLISTED },
  { "[fd00::/8]:443", "", "any.example", 443, "fd00::1", ALLOW_YES },
  { "[fd00::/8]:443", "", "any.example", 80, "fd00::1", ALLOW_UNLISTED },
  { "10.0.0.1:22,10.0.0.1:80", "", "10.0.0.1", 80, "10.0.0.1", ALLOW_YES },
  { "a.example:80,127.0.0.1:81", "", "a.example", 81, "127.0.0.1", ALLOW_YES },
  { "a.example:80,127.0.0.1:81", "", "a.example", 80, "127.0.0.1", ALLOW_BY_NAME },
  { "a.example:80,127.0.0.1:81", "", "a.example", 81, "203.0.113.1", ALLOW_UNLISTED },
  /* What is denied is denied, whatever else is said. */
  { "", "10.0.0.0/8", "any.example", 80, "10.0.0.1", ALLOW_DENIED },
  { "", "10.0.0.0/8", "any.example", 80, "11.0.0.1", ALLOW_YES },
  { "", "10.0.0.0/8", "any.example", 80, "169.254.0.1", ALLOW_METADATA },
  { "", "10.0.0.0/8:22", "any.example", 80, "10.0.0.1", ALLOW_YES },
  { "", "10.0.0.0/8:22", "any.example", 22, "10.0.0.1", ALLOW_DENIED },
  { "", "10.0.0.0/8", "any.example", 80, "::ffff:10.0.0.1", ALLOW_DENIED },
  { "", "10.0.0.0/8", "any.example", 80, "64:ff9b::10.0.0.1", ALLOW_DENIED },
  { "", "10.0.0.0/8", "any.example", 80, "2002:a00:1::5", ALLOW_DENIED },
  { "", "127.0.0.0/8", "any.example", 80, "0.0.0.0", ALLOW_DENIED },
  { "", "127.0.0.0/8", "any.example", 80, "::ffff:0.0.0.0", ALLOW_DENIED },
  { "", "127.0.0.0/8", "any.example", 80, "::", ALLOW_YES },
  { "", "::1", "any.example", 80, "::", ALLOW_DENIED },
  { "", "::/0", "any.example", 80, "::ffff:10.0.0.1", ALLOW_YES },
  { "", "::/0", "any.example", 80, "64:ff9b::10.0.0.1", ALLOW_DENIED },
  { "", "a.example", "A.example.", 80, "203.0.113.1", ALLOW_DENIED },
  { "", "a.example:22", "a.example", 80, "203.0.113.1", ALLOW_YES },
  { "", "*.example", "a.example", 80, "203.0.113.1", ALLOW_DENIED },
  { "a.example", "a.example", "a.example", 80, "203.0.113.1", ALLOW_DENIED },
  { "a.example", "203.0.113.0/24", "a.example", 80, "203.0.113.1", ALLOW_DENIED },
  { "203.0.113.0/24", "a.example", "a.example", 80, "203.0.113.1", ALLOW_DENIED },
  { "0.0.0.0/0", "169.254.0.0/16", "any.example", 80, "169.254.169.254", ALLOW_DENIED },
};

static void
test_rows (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_test_message ("allow '%s', deny '%s': %s port %u, %s", rows[i].allow, rows[i].deny,
                      rows[i].host, rows[i].port, rows[i].address);
      g_assert_cmpint (
          judge (rows[i].allow, rows[i].deny, rows[i].host, rows[i].port, rows[i].address), ==,
          rows[i].verdict);
    }
}

static void
test_no_address (void)
{
  static const struct sockaddr_storage none = { .ss_family = AF_UNIX };
  g_autoptr (Allow) self = make ("", "");

  g_assert_cmpint (allow_judge_address (self, "a", 80, (const struct sockaddr *) &none), !=,
                   ALLOW_YES);
}

static void
test_described (void)
{
  g_autoptr (Allow) none = make ("", ""), deny = make ("", "a"), both = make ("a,b", "c");
  g_autofree char *of_none = allow_describe (none), *of_deny = allow_describe (deny);
  g_autofree char *of_both = allow_describe (both);

  g_assert_nonnull (strstr (of_none, "AGENT_ALLOW is not set"));
  g_assert_null (strstr (of_none, "AGENT_DENY"));
  g_assert_nonnull (strstr (of_deny, "AGENT_DENY"));
  g_assert_null (strstr (of_both, "not set"));
  g_assert_nonnull (strstr (of_both, "entries: 2"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/allow/entries", test_entries);
  g_test_add_func ("/allow/long-names", test_long_names);
  g_test_add_func ("/allow/defaults", test_defaults);
  g_test_add_func ("/allow/rows", test_rows);
  g_test_add_func ("/allow/no-address", test_no_address);
  g_test_add_func ("/allow/described", test_described);
  return g_test_run ();
}
