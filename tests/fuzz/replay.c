/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Runs a fuzz target over the corpus kept for it, tests/fuzz/corpus/NAME for the program
 * replay-NAME, one test a file: what a fuzzer once found stays found with any compiler. */
#include "tests/fuzz/fuzz.h"

#include <glib.h>

static void
replay (gconstpointer path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autofree uint8_t *exact = NULL;
  size_t n = 0;

  g_file_get_contents (path, &text, &n, &error);
  g_assert_no_error (error);
  exact = g_malloc (n + (n == 0));
  memcpy (exact, text, n);
  LLVMFuzzerTestOneInput (exact, n);
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *program = g_path_get_basename (argv[0]);
  const char *target = strstr (program, "replay-");
  g_autofree char *folder = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;

  g_test_init (&argc, &argv, NULL);
  g_assert_nonnull (target);
  target += strlen ("replay-");
  folder = g_test_build_filename (G_TEST_DIST, "fuzz", "corpus", target, NULL);
  dir = g_dir_open (folder, 0, NULL);
  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *test = g_strdup_printf ("/fuzz/%s/%s", target, name);

      g_ptr_array_add (paths, g_build_filename (folder, name, NULL));
      g_test_add_data_func (test, paths->pdata[paths->len - 1], replay);
    }
  g_assert_cmpuint (paths->len, >, 0);
  return g_test_run ();
}
