/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates that are refused, and those that are taken with a warning. */
#include "lib/lock.h"
#include "tests/unit/cert-samples.h"
#include "tests/unit/config-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct
{
  const char *field;
  const char *message;
  void (*spoil) (StoreCertificate *row);
} Refusal;

static void
spoil_pattern (StoreCertificate *row)
{
  config_fixture_set (&row->hostname_pattern, "a b");
}

static void
spoil_address (StoreCertificate *row)
{
  config_fixture_set (&row->hostname_pattern, "192.0.2.1");
}

static void
spoil_empty (StoreCertificate *row)
{
  config_fixture_set (&row->certificate_pem, "");
}

static void
spoil_no_key (StoreCertificate *row)
{
  config_fixture_set (&row->private_key_pem, "");
}

static void
spoil_text (StoreCertificate *row)
{
  config_fixture_set (&row->certificate_pem, "hello");
}

static void
spoil_key_text (StoreCertificate *row)
{
  config_fixture_set (&row->private_key_pem, "hello");
}

static void
spoil_key (StoreCertificate *row)
{
  config_fixture_set (&row->private_key_pem, certs.another->key_pem);
}

static void
spoil_order (StoreCertificate *row)
{
  g_free (row->certificate_pem);
  row->certificate_pem = g_strconcat (certs.ca->chain_pem, certs.leaf->chain_pem, NULL);
  config_fixture_set (&row->private_key_pem, certs.ca->key_pem);
}

static void
spoil_expired (StoreCertificate *row)
{
  config_fixture_set (&row->certificate_pem, certs.expired->chain_pem);
  config_fixture_set (&row->private_key_pem, certs.expired->key_pem);
}

static void
spoil_early (StoreCertificate *row)
{
  config_fixture_set (&row->certificate_pem, certs.early->chain_pem);
  config_fixture_set (&row->private_key_pem, certs.early->key_pem);
}

static void
spoil_both (StoreCertificate *row)
{
  config_fixture_set (&row->certificate_path, "/x");
  config_fixture_set (&row->private_key_path, "/y");
}

static void
spoil_relative (StoreCertificate *row)
{
  config_fixture_set (&row->certificate_pem, "");
  config_fixture_set (&row->private_key_pem, "");
  config_fixture_set (&row->certificate_path, "x");
  config_fixture_set (&row->private_key_path, "/y");
}

static void
spoil_one_path (StoreCertificate *row)
{
  spoil_relative (row);
  config_fixture_set (&row->certificate_path, "/x");
  config_fixture_set (&row->private_key_path, "");
}

static void
spoil_missing (StoreCertificate *row)
{
  spoil_relative (row);
  config_fixture_set (&row->certificate_path, "/nowhere/x");
}

static void
spoil_directory (StoreCertificate *row)
{
  spoil_relative (row);
  config_fixture_set (&row->certificate_path, "/");
}

static void
spoil_source (StoreCertificate *row)
{
  row->source = STORE_CERTIFICATE_ACME;
}

static void
test_refusals (ConfigFixture *fixture, const void *data)
{
  static const Refusal refusals[] = {
    { "hostname_pattern", "hostname_pattern", spoil_pattern },
    { "hostname_pattern", "must be a name", spoil_address },
    { "certificate_pem", "needed", spoil_empty },
    { "private_key_pem", "private_key_pem is needed", spoil_no_key },
    { "certificate_pem", "cannot be read as PEM", spoil_text },
    { "private_key_pem", "cannot be read as PEM", spoil_key_text },
    { "private_key_pem", "the private key does not belong to the certificate", spoil_key },
    { "certificate_pem", "out of order: its certificate 2 (CN=leaf.example)", spoil_order },
    { "certificate_pem", "the certificate expired at 20", spoil_expired },
    { "certificate_pem", "the certificate is not valid before 20", spoil_early },
    { "certificate_path", "the one or the other", spoil_both },
    { "certificate_path", "must be absolute", spoil_relative },
    { "private_key_path", "must be absolute", spoil_one_path },
    { "certificate_path", "/nowhere/x: No such file", spoil_missing },
    { "certificate_path", "/: is not a file", spoil_directory },
    { "source", "acme is not supported", spoil_source },
  };

  (void) fixture;
  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autoptr (StoreCertificate) row = config_fixture_certificate ("a.example", certs.good);
      g_autoptr (GError) error = NULL;

      refusals[i].spoil (row);
      error = config_fixture_insert_certificate (row);
      g_test_message ("%s: %s", refusals[i].message, error ? error->message : "taken");
      g_assert_error (error, CONFIG_ERROR, CONFIG_ERROR_INVALID);
      g_assert_cmpstr (config_error_get_field (error), ==, refusals[i].field);
      g_assert_nonnull (strstr (error->message, refusals[i].message));
      g_assert_null (strstr (error->message, "PRIVATE KEY"));
    }
}

static char *
warning_of (StoreCertificate *row)
{
  ConfigChange change = { .apply = config_fixture_apply_certificate, .data = row, .dry_run = true };
  char *text;

  g_assert_true (config_change (&change, NULL));
  text = change.warnings ? g_strjoinv ("\n", change.warnings) : g_strdup ("");
  config_change_clear (&change);
  return text;
}

static void
test_open_key (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreCertificate) row = config_fixture_certificate ("a.example", NULL);
  g_autofree char *chain = g_build_filename (fixture->dir, "a.crt", NULL);
  g_autofree char *key = g_build_filename (fixture->dir, "a.key", NULL);
  g_autofree char *open = NULL;
  g_autofree char *closed = NULL;

  (void) data;
  g_assert_true (g_file_set_contents (chain, certs.good->chain_pem, -1, NULL));
  g_assert_true (g_file_set_contents (key, certs.good->key_pem, -1, NULL));
  config_fixture_set (&row->certificate_path, chain);
  config_fixture_set (&row->private_key_path, key);
  g_assert_cmpint (g_chmod (key, 0644), ==, 0);
  open = warning_of (row);
  g_assert_nonnull (strstr (open, "a.key is open to every user"));
  g_assert_cmpint (g_chmod (key, 0640), ==, 0);
  closed = warning_of (row);
  g_assert_cmpstr (closed, ==, "");
}

static void
test_warnings (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreCertificate) fine = config_fixture_certificate ("a.example", certs.good);
  g_autoptr (StoreCertificate) other = config_fixture_certificate ("b.example", certs.good);
  g_autoptr (StoreCertificate) off = config_fixture_certificate ("a.example", certs.expired);
  g_autofree char *none = warning_of (fine);
  g_autofree char *name = warning_of (other);
  g_autofree char *dates = NULL;

  (void) fixture;
  (void) data;
  g_assert_cmpstr (none, ==, "");
  g_assert_nonnull (strstr (name, "'b.example': the certificate does not name it"));
  off->enabled = false; /* kept, not shown */
  dates = warning_of (off);
  g_assert_nonnull (strstr (dates, "the certificate expired at"));
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  config_fixture_add_test ("/config/certs/refusals", test_refusals);
  config_fixture_add_test ("/config/certs/warnings", test_warnings);
  config_fixture_add_test ("/config/certs/open-key", test_open_key);
  return cert_samples_run ();
}
