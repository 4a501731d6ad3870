/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Values in texts that other programs read: whatever they hold, they end where they should. */
#include "daemon/api/install-text.h"

#include <glib.h>

static void
check (InstallSyntax syntax, const char *text, const char *value, const char *expected)
{
  const InstallValue values[] = { { "A", value }, { "B_2", "b" }, { NULL, NULL } };
  g_autofree char *filled = install_text_fill (text, syntax, values);

  g_assert_cmpstr (filled, ==, expected);
}

static void
test_shell (void)
{
  static const char *const values[] = {
    "",        "plain",      "two words", "it's",  "'",       "''",
    "a\nb\n",  "\n'; id; '", "$(id)`id`", "\\",    "\"",      "'@A@'",
    "'@B_2@'", "'@A@'@A@'@", "*?[a]~",    "#",     "-n",      "\x01\t",
    "ü",       "a'\"'\"b",   "!x",        "'\\''", "&;|<>()",
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (values); i++)
    {
      const InstallValue set[] = { { "A", values[i] }, { NULL, NULL } };
      g_autofree char *filled = install_text_fill ("printf %s '@A@'", INSTALL_SHELL, set);
      g_autoptr (GError) error = NULL;
      const char *argv[] = { "/bin/sh", "-c", filled, NULL };
      g_autofree char *said = NULL;
      int status;

      /* The shell itself is the judge. */
      g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &said, NULL, &status,
                    &error);
      g_assert_no_error (error);
      g_assert_cmpint (status, ==, 0);
      g_assert_cmpstr (said, ==, values[i]);
    }
}

static void
test_yaml (void)
{
  check (INSTALL_YAML, "a: \"@A@\"\n", "it's", "a: \"it's\"\n");
  check (INSTALL_YAML, "a: \"@A@\"\n", "say \"x\"", "a: \"say \\\"x\\\"\"\n");
  check (INSTALL_YAML, "a: \"@A@\"\n", "a\\", "a: \"a\\\\\"\n");
  check (INSTALL_YAML, "a: \"@A@\"\n", "a\nb: c", "a: \"a\\nb: c\"\n");
  check (INSTALL_YAML, "a: \"@A@\"\n", "${A}$$", "a: \"$${A}$$$$\"\n");
  check (INSTALL_YAML, "a: \"@A@\"\n", "\"@B_2@\"", "a: \"\\\"@B_2@\\\"\"\n");
  check (INSTALL_YAML, "a: \"@A@\"\n", "", "a: \"\"\n");
  check (INSTALL_YAML, "a: \"@A@\"\n", "ü", "a: \"ü\"\n");
}

/* What only looks like a word stays. */
static void
test_words (void)
{
  check (INSTALL_SHELL, "'@A@' '@B_2@''@A@'", "x", "'x' 'b''x'");
  check (INSTALL_SHELL, "\"@A@\" @A@ '@a@' '@A' '@A@ '@@' '@", "x",
         "\"@A@\" @A@ '@a@' '@A' '@A@ '@@' '@");
  check (INSTALL_SHELL, "", "x", "");
  check (INSTALL_YAML, "'@A@' \"@B_2@\"", "x", "'@A@' \"b\"");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/install-text/shell", test_shell);
  g_test_add_func ("/install-text/yaml", test_yaml);
  g_test_add_func ("/install-text/words", test_words);
  return g_test_run ();
}
