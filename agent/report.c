/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Reports. What is sent is printed by the main thread into one fixed buffer, which belongs to the
 * worker while `busy`. */
#include "agent/report.h"

#include "agent/denials.h"
#include "agent/dial.h"
#include "lib/http1.h"
#include "lib/log.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define EVERY_MS 5000
#define SEND_MS 5000
#define ANSWER_MAX 16384

static struct
{
  P2pTask task;
  atomic_bool busy;
  bool older_daemon; /* which knows no requests_denied; the worker's while busy */
  char text[2048]; /* the request */
  size_t n_text;
  P2pStream *strm; /* (owned) (nullable) kept between reports; the worker's while busy */
  DialStop stop;
  int64_t due_us, last_us, last_cpu_us; /* the main thread's */
} report;

/* --- what ------------------------------------------------------------------------------------- */

static int64_t
cpu_us (void)
{
  struct rusage usage;

  (void) getrusage (RUSAGE_SELF, &usage); /* cannot fail */
  return (int64_t) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000
         + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* Percent of one core since the last report. */
static double
cpu_percent (int64_t now_us)
{
  int64_t cpu = cpu_us ();
  double percent = report.last_us > 0 ? 100.0 * (double) (cpu - report.last_cpu_us)
                                            / (double) MAX (now_us - report.last_us, 1)
                                      : 0;

  report.last_us = now_us;
  report.last_cpu_us = cpu;
  return percent;
}

static long
memory_pages (void)
{
  long resident = 0;
  FILE *file = fopen ("/proc/self/statm", "re");

  if (!file)
    return 0;
  if (fscanf (file, "%*d %ld", &resident) != 1)
    resident = 0;
  (void) fclose (file); /* only read */
  return resident;
}

static int
print_body (const P2pYamuxStats *stats, char *body, size_t size)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE], denied[64] = "";

  g_ascii_formatd (number, sizeof number, "%.2f", cpu_percent (p2p_now_us ()));
  if (!report.older_daemon)
    (void) snprintf (denied, sizeof denied, "\"requests_denied\":%" PRIu64 ",",
                     denials_count ()); /* fits */
  return snprintf (
      body, size,
      "{\"memory_bytes\":%ld,\"cpu_percent\":%s,\"threads\":%u,\"active_requests\":%u,"
      "\"requests_ok\":%" PRIuFAST64 ",\"requests_failed\":%" PRIuFAST64
      ",%s\"bytes_received\":%" PRIu64 ",\"bytes_sent\":%" PRIu64 ",\"version\":\"%s\"}",
      memory_pages () * sysconf (_SC_PAGESIZE), number, p2p_pool_get_stats (agent.pool).threads,
      stats->streams, atomic_load (&agent.requests_ok), atomic_load (&agent.requests_failed),
      denied, stats->bytes_in, stats->bytes_out, PACKAGE_VERSION);
}

static bool
print_request (const P2pYamuxStats *stats)
{
  char body[512];
  int n_body = print_body (stats, body, sizeof body), n;

  n = snprintf (
      report.text, sizeof report.text,
      "POST /api/v1/agent/stats HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
      "X-P2PStream-Agent-ID: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
      agent.authority, agent.token, agent.settings.agent_id, n_body, body);
  report.n_text = (size_t) n;
  return n > 0 && (size_t) n < sizeof report.text;
}

/* --- how -------------------------------------------------------------------------------------- */

/* Reads one answer whole; false: the connection is of no more use. */
static bool
read_answer (P2pStream *strm, unsigned *ret_status, int64_t deadline_us)
{
  g_autofree P2pResponseHead *head = g_new (P2pResponseHead, 1);
  g_autofree char *buf = g_malloc (ANSWER_MAX);
  size_t size, n = 0;

  if (dial_read_head (strm, buf, ANSWER_MAX, &size, deadline_us) != P2P_IO_OK
      || p2p_http1_parse_response (buf, size, P2P_METHOD_POST, head) != P2P_HTTP1_OK)
    return false;
  *ret_status = head->status;
  if (head->msg.body == P2P_BODY_CHUNKED || head->msg.body == P2P_BODY_UNTIL_CLOSE
      || (head->msg.body == P2P_BODY_LENGTH && head->msg.content_length > ANSWER_MAX))
    return false;
  for (size_t left = head->msg.body == P2P_BODY_LENGTH ? (size_t) head->msg.content_length : 0;
       left > 0; left -= n)
    if (p2p_stream_read (strm, buf, left, &n, deadline_us) != P2P_IO_OK)
      return false;
  return head->msg.keep_alive;
}

static void
send_once (int64_t deadline_us)
{
  struct iovec iov = { .iov_base = report.text, .iov_len = report.n_text };
  g_autofree char *why = NULL;
  unsigned status = 0;

  if (!report.strm
      && dial_connect (&report.strm, &report.stop, atomic_load (&agent.first_address), deadline_us,
                       &why)
             != P2P_IO_OK)
    {
      p2p_log (P2P_LOG_DEBUG, "agent", "report: %s", why);
      return;
    }
  if (p2p_stream_write_all (report.strm, &iov, 1, NULL, deadline_us) != P2P_IO_OK
      || !read_answer (report.strm, &status, deadline_us))
    {
      dial_close (g_steal_pointer (&report.strm), &report.stop);
      report.older_daemon = false; /* another one may be there when it is dialled again */
    }
  if (status == 400) /* a member that it does not know: the next one goes without */
    report.older_daemon = true;
  if (status / 100 != 2)
    p2p_log (P2P_LOG_DEBUG, "agent", "report: the daemon answered %u", status);
}

static void
report_run (P2pTask *task)
{
  (void) task;
  send_once (p2p_deadline_ms (SEND_MS));
  explicit_bzero (report.text, sizeof report.text); /* it held the token */
  atomic_store (&report.busy, false);
}

void
report_when_due (const P2pYamuxStats *stats)
{
  int64_t now_us = p2p_now_us ();

  denials_tell_rest ();
  if (now_us < report.due_us || atomic_load (&report.busy))
    return;
  report.due_us = now_us + EVERY_MS * 1000;
  if (!print_request (stats))
    return;
  atomic_store (&report.busy, true);
  p2p_pool_submit (agent.pool, &report.task);
}

bool
report_setup (GError **error)
{
  report.task.run = report_run;
  if (dial_stop_init (&report.stop))
    return true;
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_MFILE, "reports: no descriptor is free");
  return false;
}

void
report_stop (void)
{
  dial_stop (&report.stop);
}

void
report_teardown (void)
{
  g_assert (!atomic_load (&report.busy)); /* the pool has ended */
  dial_close (g_steal_pointer (&report.strm), &report.stop);
  dial_stop_done (&report.stop);
}
