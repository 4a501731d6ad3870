/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The keeper of certificates by its own clock, which runs fast here: nobody kicks it. What it does
 * is in the log. */
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/lock.h"
#include "tests/unit/config-fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 10
#define WITHIN_MS 20000 /* far more than anything here takes, so that a hang fails */

/* Standard error, which goes into a file meanwhile. */
typedef struct
{
  char *path; /* (owned) */
  int old_fd; /* (owned) */
} Log;

static void
log_begin (Log *log)
{
  p2p_autofd fd = g_file_open_tmp ("keeper-XXXXXX.log", &log->path, NULL);

  g_assert_cmpint (fd, >=, 0);
  log->old_fd = dup (STDERR_FILENO);
  g_assert_cmpint (dup2 (fd, STDERR_FILENO), ==, STDERR_FILENO);
}

static unsigned
log_count (const Log *log, const char *text)
{
  g_autofree char *all = NULL;
  unsigned n = 0;

  g_assert_true (g_file_get_contents (log->path, &all, NULL, NULL));
  for (const char *at = all; (at = strstr (at, text)); at += strlen (text))
    n++;
  return n;
}

static void
log_await (const Log *log, const char *text, unsigned n)
{
  int64_t deadline_us = p2p_deadline_ms (WITHIN_MS);

  while (log_count (log, text) < n)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_usleep (1000);
    }
}

static void
log_end (Log *log)
{
  g_assert_cmpint (dup2 (log->old_fd, STDERR_FILENO), ==, STDERR_FILENO);
  p2p_fd_close (&log->old_fd);
  g_assert_cmpint (g_unlink (log->path), ==, 0);
  g_free (log->path);
}

/* What is in force, and what is wrong with it (nullable). */
static P2pTlsCert *
in_force (int64_t id, char **ret_error)
{
  g_autoptr (Config) cfg = config_get_current ();
  const ConfigCertificate *cert = config_find_certificate (cfg, id);

  if (ret_error)
    *ret_error = g_strdup (cert->last_error);
  return cert->cert ? p2p_tls_cert_ref (cert->cert) : NULL;
}

static void
await_error (int64_t id, bool wanted)
{
  int64_t deadline_us = p2p_deadline_ms (WITHIN_MS);

  for (;;)
    {
      g_autofree char *error = NULL;
      g_autoptr (P2pTlsCert) cert = in_force (id, &error);

      if ((error != NULL) == wanted)
        return;
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_usleep (1000);
    }
}

static void
write_files (const StoreCertificate *row, const TlsFixtureCert *cert)
{
  g_assert_true (g_file_set_contents (row->private_key_path, cert->key_pem, -1, NULL));
  g_assert_true (g_file_set_contents (row->certificate_path, cert->chain_pem, -1, NULL));
}

static StoreCertificate *
add_files (ConfigFixture *fixture, const TlsFixtureCert *cert)
{
  StoreCertificate *row = config_fixture_certificate ("files.example", NULL);

  g_free (row->certificate_path);
  row->certificate_path = g_build_filename (fixture->dir, "a.crt", NULL);
  g_free (row->private_key_path);
  row->private_key_path = g_build_filename (fixture->dir, "a.key", NULL);
  write_files (row, cert);
  config_fixture_add_certificate (row);
  return row;
}

static void
test_files (ConfigFixture *fixture, const void *data)
{
  g_autoptr (TlsFixtureCert) one = tls_fixture_cert (&(TlsFixtureOptions){ .name = "a.example" });
  g_autoptr (TlsFixtureCert) two = tls_fixture_cert (&(TlsFixtureOptions){ .name = "a.example" });
  g_autoptr (StoreCertificate) row = add_files (fixture, one);
  g_autoptr (P2pTlsCert) first = in_force (row->id, NULL), second = NULL, kept = NULL;
  Log log;

  (void) data;
  log_begin (&log);
  config_keeper_start (LOOK_MS);
  write_files (row, two);
  log_await (&log, "certificate 'files.example': its files were read again", 1);
  await_error (row->id, false); /* it may have come between the two files */
  second = in_force (row->id, NULL);
  g_assert_true (second && second != first);
  g_assert_true (g_file_set_contents (row->certificate_path, "nonsense", -1, NULL));
  await_error (row->id, true);
  kept = in_force (row->id, NULL);
  g_assert_true (kept == second);
  write_files (row, one);
  await_error (row->id, false);
  config_keeper_stop ();
  log_end (&log);
}

/* One that ends left_ms and a little from now, and is in force when that little begins. */
static StoreCertificate *
add_ending (StoreCertificateSource source, int64_t left_ms)
{
  for (int64_t lead_s = 2;; lead_s *= 2)
    {
      TlsFixtureOptions options = { .name = "a.example" };
      g_autofree char *name = g_strdup_printf ("in-%d.example", (int) lead_s);
      g_autoptr (TlsFixtureCert) cert = NULL;
      g_autoptr (StoreCertificate) row = NULL;

      options.ends_at = (p2p_wall_ms () + left_ms) / 1000 + lead_s;
      cert = tls_fixture_cert (&options);
      row = config_fixture_certificate (name, cert);
      row->source = source;
      row->not_after = options.ends_at * 1000;
      config_fixture_add_certificate (row);
      if (p2p_wall_ms () + left_ms < row->not_after)
        return g_steal_pointer (&row);
      g_assert_cmpint (lead_s, <, 64); /* the machine stood still: once more */
    }
}

/* With less than that left it is made anew: by nobody but the keeper. */
static void
test_renewal (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreCertificate) row = NULL, after = NULL;
  g_autoptr (P2pTlsCert) made = NULL, first = NULL;
  g_autofree char *text = NULL;
  StoreTx *tx;
  Log log;

  (void) data;
  log_begin (&log);
  row = add_ending (STORE_CERTIFICATE_SELF_SIGNED, CONFIG_CERT_RENEW_MS);
  first = in_force (row->id, NULL);
  text = g_strdup_printf ("certificate '%s': was made anew", row->hostname_pattern);
  config_keeper_start (LOOK_MS);
  log_await (&log, text, 1);
  config_keeper_stop ();
  made = in_force (row->id, NULL);
  g_assert_true (made && made != first);
  tx = store_begin_read (fixture->store, NULL);
  after = store_certificate_get (tx, row->id, NULL);
  store_end (tx);
  g_assert_cmpint (after->not_after, >, row->not_after);
  g_assert_cmpuint (log_count (&log, text), ==, 1);
  log_end (&log);
}

/* An uploaded one is the administrator's: that it has ended is told once. */
static void
test_expiry (ConfigFixture *fixture, const void *data)
{
  g_autoptr (TlsFixtureCert) one = tls_fixture_cert (&(TlsFixtureOptions){ .name = "a.example" });
  g_autoptr (StoreCertificate) files = add_files (fixture, one);
  g_autoptr (StoreCertificate) row = NULL;
  g_autoptr (P2pTlsCert) first = NULL, kept = NULL;
  g_autofree char *text = NULL;
  Log log;

  (void) data;
  log_begin (&log);
  config_keeper_start (LOOK_MS); /* what ended before is told by the start */
  row = add_ending (STORE_CERTIFICATE_MANUAL, 0);
  first = in_force (row->id, NULL);
  text = g_strdup_printf ("certificate '%s': it has expired, and is shown all the same",
                          row->hostname_pattern);
  log_await (&log, text, 1);
  for (unsigned i = 1; i <= 2; i++) /* one more look, whole */
    {
      write_files (files, one);
      log_await (&log, "its files were read again", i);
    }
  config_keeper_stop ();
  kept = in_force (row->id, NULL);
  g_assert_true (kept && kept == first);
  g_assert_cmpuint (log_count (&log, text), ==, 1);
  log_end (&log);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  config_fixture_add_test ("/config/keeper/files", test_files);
  config_fixture_add_test ("/config/keeper/renewal", test_renewal);
  config_fixture_add_test ("/config/keeper/expiry", test_expiry);
  return g_test_run ();
}
