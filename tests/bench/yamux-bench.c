/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What Yamux costs by itself: two of our sessions, one process each, over a socket pair with TLS or
 * without. Arguments: --tls or --plain, seconds a row, words of the rows to run. Prints streams/s
 * and requests/s for some numbers of threads, bytes/s of some streams, with the CPU time of both
 * processes, and the memory of 2 000 idle streams. Run by hand; see doc/performance.md. */
#include "tests/unit/yamux-pair.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_BYTES 200
#define RESPONSE_BYTES 1024

/* The first byte of a stream says what it is for. */
enum
{
  ASK = 'a',  /* requests and responses until FIN */
  PUSH = 'p', /* bytes until FIN, then one byte back */
  IDLE = 'i',
};

static int64_t seconds_us;
static const char *only; /* (nullable) the rows to run */

static void
serve (P2pStream *take_strm)
{
  static __thread char buf[65536];
  char kind = 0;
  size_t n;

  if (p2p_stream_read (take_strm, &kind, 1, &n, P2P_FOREVER) == P2P_IO_OK && kind == ASK)
    while (p2p_stream_read (take_strm, buf, REQUEST_BYTES, &n, P2P_FOREVER) == P2P_IO_OK)
      must_write (take_strm, buf, RESPONSE_BYTES);
  else
    while (p2p_stream_read (take_strm, buf, sizeof buf, &n, P2P_FOREVER) == P2P_IO_OK)
      ;
  if (kind == PUSH)
    must_write (take_strm, "k", 1);
  p2p_stream_close (take_strm);
}

typedef struct
{
  End *end;
  char kind;
  bool keep; /* requests on one stream, else each on its own */
  int64_t until_us;
  uint64_t done; /* out: requests or bytes */
} Job;

static void
ask_once (P2pStream *strm, char *buf)
{
  must_write (strm, buf, REQUEST_BYTES);
  must_read (strm, buf, RESPONSE_BYTES);
}

static P2pStream *
open_as (End *end, char kind)
{
  P2pStream *strm = must_open (end);

  must_write (strm, &kind, 1);
  return strm;
}

static void *
ask_main (void *data)
{
  Job *job = data;
  char buf[RESPONSE_BYTES + 1] = { ASK };
  P2pStream *strm = job->keep ? open_as (job->end, ASK) : NULL;

  for (; p2p_now_us () < job->until_us; job->done++)
    if (job->keep)
      ask_once (strm, buf);
    else
      {
        strm = must_open (job->end);
        buf[0] = ASK;
        must_write (strm, buf, 1 + REQUEST_BYTES);
        must_read (strm, buf, RESPONSE_BYTES);
        p2p_stream_close (strm);
      }
  if (job->keep)
    p2p_stream_close (strm);
  return NULL;
}

static void *
push_main (void *data)
{
  Job *job = data;
  static char bytes[65536];
  P2pStream *strm = open_as (job->end, PUSH);
  char byte;

  for (; p2p_now_us () < job->until_us; job->done += sizeof bytes)
    must_write (strm, bytes, sizeof bytes);
  g_assert_cmpint (p2p_stream_shutdown (strm, WITHIN), ==, P2P_IO_OK);
  must_read (strm, &byte, 1);
  p2p_stream_close (strm);
  return NULL;
}

static double
cpu_s (void)
{
  struct rusage usage;

  g_assert_cmpint (getrusage (RUSAGE_SELF, &usage), ==, 0);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
         + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Of all jobs together, per second. */
static void
run (End *end,
     const char *what,
     unsigned n_threads,
     char kind,
     bool keep,
     double unit,
     const char *unit_name)
{
  g_autofree Job *jobs = g_new0 (Job, n_threads);
  g_autofree pthread_t *threads = g_new (pthread_t, n_threads);
  int64_t begin_us = p2p_now_us ();
  double cpu = cpu_s (), took, done = 0;

  if (only && !strstr (what, only))
    return;
  for (unsigned i = 0; i < n_threads; i++)
    {
      jobs[i] = (Job){ end, kind, keep, begin_us + seconds_us, 0 };
      P2P_PTHREAD (
          pthread_create (&threads[i], NULL, kind == PUSH ? push_main : ask_main, &jobs[i]));
    }
  for (unsigned i = 0; i < n_threads; i++)
    {
      P2P_PTHREAD (pthread_join (threads[i], NULL));
      done += (double) jobs[i].done;
    }
  took = (double) (p2p_now_us () - begin_us) / 1e6;
  cpu = cpu_s () - cpu;
  (void) printf ("%-24s %4u threads %10.0f %s/s, %6.2f us CPU each here\n", what, n_threads,
                 done / unit / took, unit_name, cpu * 1e6 / (done / unit));
  (void) fflush (stdout);
}

static long
resident_kib (void)
{
  g_autofree char *text = NULL;
  long pages = 0;

  g_assert_true (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL));
  g_assert_cmpint (sscanf (text, "%*d %ld", &pages), ==, 1);
  return pages * (sysconf (_SC_PAGESIZE) / 1024);
}

static void
idle_streams (End *end)
{
  enum
  {
    N = 2000
  };
  static P2pStream *strms[N];
  long before = resident_kib ();

  for (size_t i = 0; i < N; i++)
    strms[i] = must_open (end);
  (void) printf ("%d idle streams: %ld KiB here\n", N, resident_kib () - before);
  for (size_t i = 0; i < N; i++)
    p2p_stream_close (strms[i]);
}

/* The agent's side, until the other process ends. */
static int
child_main (P2pStream *take_transport)
{
  End end = { .serve = serve };

  end_start (&end, take_transport,
             (P2pYamuxOptions){
                 .role = P2P_YAMUX_CLIENT, .accept_backlog = 256, .peer_half_close = true });
  p2p_yamux_join (end.yamux);
  return 0;
}

int
main (int argc, char **argv)
{
  P2pStream *a, *b;
  End end = { .yamux = NULL };
  pid_t child;

  pair_over_tls = !(argc > 1 && g_str_equal (argv[1], "--plain"));
  seconds_us = (argc > 2 ? atoi (argv[2]) : 2) * G_USEC_PER_SEC;
  only = argc > 3 ? argv[3] : NULL;
  p2p_lock_setup ();
  /* As the workers of a pool are; threads inherit it. */
  (void) sched_setscheduler (0, SCHED_BATCH, &(struct sched_param){ .sched_priority = 0 });
  transport_pair (&a, &b);
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      (void) close (p2p_stream_fd (a)); /* the other process has it */
      _exit (child_main (b));
    }
  (void) close (p2p_stream_fd (b));
  end_start (&end, a, (P2pYamuxOptions){ .role = P2P_YAMUX_SERVER, .peer_half_close = true });
  run (&end, "a stream a request", 1, ASK, false, 1, "streams");
  run (&end, "a stream a request", 32, ASK, false, 1, "streams");
  run (&end, "kept streams", 1, ASK, true, 1, "requests");
  run (&end, "kept streams", 32, ASK, true, 1, "requests");
  run (&end, "kept streams", 256, ASK, true, 1, "requests");
  run (&end, "bytes", 1, PUSH, true, 1e6, "MB");
  run (&end, "bytes", 8, PUSH, true, 1e6, "MB");
  idle_streams (&end);
  end_stop (&end);
  (void) waitpid (child, NULL, 0);
  return 0;
}
