/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Log: the text of a line in both forms, the bounded queue against an output that nobody reads, and
 * the journal's priorities. Standard error is a pipe while a test logs. */
#include "lib/log-priv.h"

#include "lib/clock.h"
#include "lib/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAMP 1700000000123

static void
test_lines (void)
{
  static const char *const pairs[]
      = { "host", "a b", "empty", "", "n", "1", "quote", "x\"y\\z", NULL };
  static const struct
  {
    P2pLogForm form;
    bool journal;
    P2pLogLevel level;
    const char *message;
    const char *const *pairs;
    const char *line;
  } cases[] = {
    { P2P_LOG_HUMAN, false, P2P_LOG_INFO, "ready", NULL,
      "2023-11-14T22:13:20.123Z INFO  proxy: ready\n" },
    { P2P_LOG_HUMAN, true, P2P_LOG_WARNING, "hm", NULL, "<4>proxy: hm\n" },
    { P2P_LOG_HUMAN, true, P2P_LOG_ERROR, "no", NULL, "<3>proxy: no\n" },
    { P2P_LOG_HUMAN, true, P2P_LOG_DEBUG, "", NULL, "<7>proxy: \n" },
    { P2P_LOG_HUMAN, true, P2P_LOG_INFO, "m", pairs,
      "<6>proxy: m host=\"a b\" empty=\"\" n=1 quote=\"x\\\"y\\\\z\"\n" },
    { P2P_LOG_JSON, false, P2P_LOG_INFO, "m", pairs,
      "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\",\"area\":\"proxy\",\"message\":"
      "\"m\",\"host\":\"a b\","
      "\"empty\":\"\",\"n\":\"1\",\"quote\":\"x\\\"y\\\\z\"}\n" },
    /* What could begin a line, steer a terminal or turn text around. */
    { P2P_LOG_HUMAN, true, P2P_LOG_INFO, "a\nb\r\t\x1b[31m\x7f", NULL,
      "<6>proxy: a\\nb\\r\\t\\u001b[31m\\u007f\n" },
    { P2P_LOG_HUMAN, true, P2P_LOG_INFO, "\u202eabc\u2066\u200f\u061c\u2028\xc2\x85", NULL,
      "<6>proxy: \\u202eabc\\u2066\\u200f\\u061c\\u2028\\u0085\n" },
    { P2P_LOG_HUMAN, true, P2P_LOG_INFO, "\xff\xc3(é\xe2\x80", NULL,
      "<6>proxy: \\xff\\xc3(é\\xe2\\x80\n" },
    { P2P_LOG_JSON, true, P2P_LOG_INFO, "\n\xff\u202e\"", NULL,
      "<6>{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"info\",\"area\":\"proxy\",\"message\":"
      "\"\\n\\\\xff\\u202e\\\"\"}\n" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      P2pLogLine line = { cases[i].form, cases[i].journal, STAMP,         cases[i].level,
                          "proxy",       cases[i].message, cases[i].pairs };
      g_autofree char *text = p2p_log_line_format (&line);

      g_assert_cmpstr (text, ==, cases[i].line);
    }
}

static void
test_long_text_is_cut (void)
{
  g_autofree char *many = g_strnfill (100000, 'x');
  P2pLogLine line = { P2P_LOG_HUMAN, true, STAMP, P2P_LOG_INFO, "proxy", many, NULL };
  g_autofree char *text = NULL;

  /* A two-byte character across the limit goes as a whole. */
  many[8191] = '\xc3';
  many[8192] = '\xa9';
  text = p2p_log_line_format (&line);
  g_assert_true (g_str_has_suffix (text, "xxx...\n"));
  g_assert_cmpuint (strlen (text), ==, strlen ("<6>proxy: ") + 8191 + strlen ("...\n"));
}

/* Standard error during a test: a pipe whose read end the test has. */
typedef struct
{
  int old;
  int reader;
} Capture;

static void
capture_begin (Capture *capture)
{
  int ends[2];

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  capture->old = dup (STDERR_FILENO);
  g_assert_cmpint (dup2 (ends[1], STDERR_FILENO), ==, STDERR_FILENO);
  p2p_fd_close (&ends[1]);
  capture->reader = ends[0];
}

static char *
capture_end (Capture *capture)
{
  GString *text = g_string_new (NULL);
  char piece[4096];
  ssize_t n;

  g_assert_cmpint (dup2 (capture->old, STDERR_FILENO), ==, STDERR_FILENO);
  p2p_fd_close (&capture->old);
  while ((n = read (capture->reader, piece, sizeof piece)) > 0)
    g_string_append_len (text, piece, n);
  p2p_fd_close (&capture->reader);
  return g_string_free (text, FALSE);
}

static void
test_levels_and_order (void)
{
  Capture capture;
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  capture_begin (&capture);
  p2p_log (P2P_LOG_INFO, "test", "before %d", 0);
  p2p_log_start (P2P_LOG_INFO, P2P_LOG_HUMAN);
  g_assert_true (p2p_log_enabled (P2P_LOG_INFO));
  g_assert_false (p2p_log_enabled (P2P_LOG_DEBUG));
  p2p_log (P2P_LOG_DEBUG, "test", "hidden");
  for (int i = 1; i <= 100; i++)
    p2p_log (P2P_LOG_INFO, "test", "line %d", i);
  p2p_log_fields (P2P_LOG_WARNING, "test", "pairs", "a", "1", "b", "2", NULL);
  g_message ("from glib");
  p2p_log_stop ();
  p2p_log (P2P_LOG_INFO, "test", "after");
  text = capture_end (&capture);

  lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 105);
  g_assert_true (g_str_has_suffix (lines[0], "test: before 0"));
  for (int i = 1; i <= 100; i++)
    {
      g_autofree char *expected = g_strdup_printf (" INFO  test: line %d", i);

      g_assert_true (g_str_has_suffix (lines[i], expected));
    }
  g_assert_true (g_str_has_suffix (lines[101], " WARN  test: pairs a=1 b=2"));
  g_assert_true (g_str_has_suffix (lines[102], " INFO  p2pstream: from glib"));
  g_assert_true (g_str_has_suffix (lines[103], "test: after"));
  g_assert_cmpuint (p2p_log_dropped (), ==, 0);
}

static void
test_journal (void)
{
  Capture capture;
  struct stat status;
  g_autofree char *stream = NULL;
  g_autofree char *text = NULL;

  capture_begin (&capture);
  g_assert_cmpint (fstat (STDERR_FILENO, &status), ==, 0);
  stream = g_strdup_printf ("%ju:%ju", (uintmax_t) status.st_dev, (uintmax_t) status.st_ino);
  g_setenv ("JOURNAL_STREAM", stream, TRUE);
  p2p_log_start (P2P_LOG_DEBUG, P2P_LOG_HUMAN);
  p2p_log (P2P_LOG_DEBUG, "test", "one");
  p2p_log_stop ();
  g_setenv ("JOURNAL_STREAM", "1:2", TRUE);
  p2p_log_start (P2P_LOG_INFO, P2P_LOG_JSON);
  p2p_log (P2P_LOG_ERROR, "test", "two");
  p2p_log_stop ();
  g_unsetenv ("JOURNAL_STREAM");
  text = capture_end (&capture);
  g_assert_true (g_str_has_prefix (text, "<7>test: one\n{\"time\":\""));
}

typedef struct
{
  int fd;
  GString *text;
} Reader;

static void *
reader_main (void *data)
{
  Reader *reader = data;
  char piece[4096];
  ssize_t n;

  while ((n = read (reader->fd, piece, sizeof piece)) > 0)
    g_string_append_len (reader->text, piece, n);
  return NULL;
}

/* What the log itself says about lines that it dropped: one line for each batch in which some were.
 */
static uint64_t
sum_of_told (const char *text)
{
  static const char told[] = "lines were dropped lines=";
  uint64_t sum = 0;

  while ((text = strstr (text, told)))
    {
      text += strlen (told);
      sum += g_ascii_strtoull (text, NULL, 10);
    }
  return sum;
}

/* Nobody reads: logging goes on without waiting, lines are dropped and counted, warnings have room
 * of their own, and the count is told once somebody reads again. */
static void
test_slow_output (void)
{
  Capture capture;
  Reader reader = { -1, g_string_new (NULL) };
  pthread_t thread;
  uint64_t dropped_before = p2p_log_dropped ();
  uint64_t dropped;
  g_autofree char *rest = NULL;

  capture_begin (&capture);
  p2p_log_start (P2P_LOG_INFO, P2P_LOG_HUMAN);
  for (int i = 0; i < 20000; i++)
    p2p_log (P2P_LOG_INFO, "test", "a line that is long enough to fill the pipe soon %d", i);
  dropped = p2p_log_dropped () - dropped_before;
  g_assert_cmpuint (dropped, >, 10000);
  p2p_log (P2P_LOG_WARNING, "test", "important");
  g_assert_cmpuint (p2p_log_dropped () - dropped_before, ==, dropped);

  reader.fd = capture.reader;
  g_assert_cmpint (pthread_create (&thread, NULL, reader_main, &reader), ==, 0);
  p2p_log_stop ();
  g_assert_cmpint (dup2 (capture.old, STDERR_FILENO), ==,
                   STDERR_FILENO); /* the pipe's last writer goes */
  pthread_join (thread, NULL);
  rest = capture_end (&(Capture){ dup (STDERR_FILENO), capture.reader });
  p2p_fd_close (&capture.old);

  g_assert_nonnull (strstr (reader.text->str, "test: important\n"));
  g_assert_cmpuint (sum_of_told (reader.text->str), ==, dropped);
  g_string_free (reader.text, TRUE);
}

/* An output that stays full does not keep the program from ending. */
static void
test_stuck_output (void)
{
  Capture capture;
  int64_t begin_us = p2p_now_us ();
  g_autofree char *text = NULL;

  capture_begin (&capture);
  p2p_log_start (P2P_LOG_INFO, P2P_LOG_HUMAN);
  for (int i = 0; i < 3000; i++)
    p2p_log (P2P_LOG_INFO, "test", "a line that is long enough to fill the pipe soon %d", i);
  p2p_log_stop ();
  text = capture_end (&capture);
  g_assert_cmpint (p2p_now_us () - begin_us, <, 10 * G_USEC_PER_SEC);
  g_assert_cmpuint (strlen (text), >, 0);
}

#define WRITERS 4
#define WRITER_LINES 500

static void *
writer_main (void *data)
{
  for (int i = 0; i < WRITER_LINES; i++)
    p2p_log (P2P_LOG_INFO, "test", "writer %d line %d", GPOINTER_TO_INT (data), i);
  return NULL;
}

static void
test_many_writers (void)
{
  pthread_t threads[WRITERS];
  Capture capture;
  Reader reader = { -1, g_string_new (NULL) };
  pthread_t thread;
  g_auto (GStrv) lines = NULL;
  int next[WRITERS] = { 0 };

  capture_begin (&capture);
  reader.fd = capture.reader;
  g_assert_cmpint (pthread_create (&thread, NULL, reader_main, &reader), ==, 0);
  p2p_log_start (P2P_LOG_INFO, P2P_LOG_HUMAN);
  for (int i = 0; i < WRITERS; i++)
    g_assert_cmpint (pthread_create (&threads[i], NULL, writer_main, GINT_TO_POINTER (i)), ==, 0);
  for (int i = 0; i < WRITERS; i++)
    pthread_join (threads[i], NULL);
  p2p_log_stop ();
  g_assert_cmpint (dup2 (capture.old, STDERR_FILENO), ==, STDERR_FILENO);
  pthread_join (thread, NULL);
  p2p_fd_close (&capture.old);
  p2p_fd_close (&capture.reader);

  lines = g_strsplit (reader.text->str, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, WRITERS * WRITER_LINES + 1);
  for (int i = 0; i < WRITERS * WRITER_LINES; i++)
    {
      int writer, line;

      g_assert_cmpint (sscanf (strstr (lines[i], "writer"), "writer %d line %d", &writer, &line),
                       ==, 2);
      g_assert_cmpint (line, ==, next[writer]++);
    }
  g_string_free (reader.text, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/log/lines", test_lines);
  g_test_add_func ("/log/long-text", test_long_text_is_cut);
  g_test_add_func ("/log/levels-and-order", test_levels_and_order);
  g_test_add_func ("/log/journal", test_journal);
  g_test_add_func ("/log/slow-output", test_slow_output);
  g_test_add_func ("/log/stuck-output", test_stuck_output);
  g_test_add_func ("/log/many-writers", test_many_writers);
  return g_test_run ();
}
