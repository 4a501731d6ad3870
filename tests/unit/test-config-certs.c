/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates in the configuration: which one a name gets, what is known of it, files that change,
 * and what is made anew in time. */
#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/tls-priv.h"
#include "tests/unit/cert-samples.h"
#include "tests/unit/config-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

static bool
update (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  (void) change;
  return store_certificate_update (tx, data, 0, error);
}

static bool delete (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  (void) change;
  return store_certificate_delete (tx, ((StoreCertificate *) data)->id, 0, error);
}

static P2pTlsCert *
choose (int64_t listener_id, const char *name)
{
  g_autoptr (Config) cfg = config_get_current ();

  return config_choose_cert (config_find_listener (cfg, listener_id), p2p_span_from_string (name));
}

static bool
shows (int64_t listener_id, const char *name, const StoreCertificate *row)
{
  g_autoptr (Config) cfg = config_get_current ();
  const ConfigCertificate *cert = config_find_certificate (cfg, row->id);
  g_autoptr (P2pTlsCert) chosen = choose (listener_id, name);

  return cert && chosen == cert->cert;
}

static bool
shows_fallback (int64_t listener_id, const char *name)
{
  g_autoptr (P2pTlsCert) fallback = choose (listener_id, "");
  g_autoptr (P2pTlsCert) chosen = choose (listener_id, name);

  return chosen == fallback;
}

/* ---- Which one ---- */

static void
test_choice (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) one = config_fixture_listener ("one", STORE_PROTOCOL_HTTPS, 443);
  g_autoptr (StoreListener) two = config_fixture_listener ("two", STORE_PROTOCOL_HTTPS, 444);
  g_autoptr (StoreRoute) route = NULL;
  g_autoptr (TlsFixtureCert) pair = tls_fixture_cert (&(TlsFixtureOptions){ .name = "a.example" });
  g_autoptr (StoreCertificate) exact = config_fixture_certificate ("A.example", pair);
  g_autoptr (StoreCertificate) wild = config_fixture_certificate ("*.example", pair);
  g_autoptr (StoreCertificate) own = config_fixture_certificate ("a.example", pair);
  g_autoptr (StoreCertificate) made = config_fixture_certificate ("*.example", NULL);
  g_autoptr (P2pTlsCert) before = NULL;
  g_autoptr (P2pTlsCert) after = NULL;

  (void) fixture;
  (void) data;
  config_fixture_add_listener (one);
  config_fixture_add_listener (two);
  route = config_fixture_route (one->id, "a", "a.example", "/");
  config_fixture_add_route (route);
  g_assert_true (shows_fallback (one->id, "a.example")); /* a route makes none */

  made->source = STORE_CERTIFICATE_SELF_SIGNED;
  config_fixture_add_certificate (made);
  g_assert_true (shows (one->id, "a.example", made));
  config_fixture_add_certificate (wild);
  g_assert_true (shows (one->id, "a.example", wild)); /* manual before self-signed */
  config_fixture_add_certificate (exact);
  g_assert_true (shows (one->id, "a.example", exact));
  g_assert_true (shows (two->id, "b.example", wild));
  g_assert_true (shows_fallback (one->id, "example"));
  g_assert_true (shows_fallback (one->id, "a.other"));
  own->listener_id = two->id;
  config_fixture_add_certificate (own);
  g_assert_true (shows (one->id, "a.example", exact));
  g_assert_true (shows (two->id, "a.example", own)); /* the listener's before everybody's */

  {
    g_autoptr (Config) cfg = config_get_current ();
    const ConfigListener *listener = config_find_listener (cfg, one->id);

    g_assert_true (config_same_cert (listener, P2P_SPAN ("b.example"), P2P_SPAN ("c.example")));
    g_assert_false (config_same_cert (listener, P2P_SPAN ("a.example"), P2P_SPAN ("c.example")));
    g_assert_true (config_has_cert (listener, P2P_SPAN ("b.example")));
    g_assert_false (config_has_cert (listener, P2P_SPAN ("b.other")));
  }

  /* Another change leaves the object, and with it its tickets. */
  before = choose (one->id, "a.example");
  own->enabled = false;
  g_assert_no_error (config_fixture_change (update, own));
  after = choose (one->id, "a.example");
  g_assert_true (before == after);
  g_assert_true (shows (two->id, "a.example", exact));
  g_assert_no_error (config_fixture_change (delete, exact));
  g_assert_true (shows (one->id, "a.example", wild));
}

static unsigned
n_chains (P2pTlsCert *cert)
{
  gnutls_x509_privkey_t key = NULL;
  unsigned n = 0;

  while (gnutls_certificate_get_x509_key (cert->credentials, n, &key) >= 0)
    {
      gnutls_x509_privkey_deinit (key);
      n++;
    }
  return n;
}

static void
test_both_keys (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) web = config_fixture_listener ("web", STORE_PROTOCOL_HTTPS, 443);
  g_autoptr (StoreListener) late = config_fixture_listener ("late", STORE_PROTOCOL_HTTPS, 444);
  g_autoptr (TlsFixtureCert) ecdsa = tls_fixture_cert (&(TlsFixtureOptions){ .name = "a.example" });
  g_autoptr (TlsFixtureCert) rsa
      = tls_fixture_cert (&(TlsFixtureOptions){ .name = "a.example", .rsa = true });
  g_autoptr (StoreCertificate) first = config_fixture_certificate ("a.example", ecdsa);
  g_autoptr (StoreCertificate) second = config_fixture_certificate ("a.example", rsa);
  g_autoptr (StoreCertificate) third = config_fixture_certificate ("a.example", ecdsa);
  g_autoptr (P2pTlsCert) joined = NULL, again = NULL, other = NULL, replaced = NULL;

  (void) fixture;
  (void) data;
  config_fixture_add_listener (web);
  config_fixture_add_certificate (first);
  g_assert_true (shows (web->id, "a.example", first));
  config_fixture_add_certificate (second);
  g_assert_false (shows (web->id, "a.example", first));
  g_assert_false (shows (web->id, "a.example", second));
  joined = choose (web->id, "a.example");
  g_assert_cmpuint (n_chains (joined), ==, 2);

  /* The same object for every listener and after other changes. */
  config_fixture_add_listener (late);
  other = choose (late->id, "a.example");
  again = choose (web->id, "a.example");
  g_assert_true (other == joined && again == joined);

  config_fixture_add_certificate (third); /* of two equals the later */
  replaced = choose (web->id, "a.example");
  g_assert_true (replaced != joined);
  g_assert_no_error (config_fixture_change (delete, second));
  g_assert_true (shows (web->id, "a.example", third));
}

/* ---- What is known of it ---- */

static void
test_facts (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreCertificate) row = config_fixture_certificate ("leaf.example", NULL);
  g_autoptr (Config) cfg = NULL;
  const ConfigCertificate *cert;
  int64_t now = p2p_wall_ms ();

  (void) fixture;
  (void) data;
  g_free (row->certificate_pem);
  row->certificate_pem = g_strconcat (certs.leaf->chain_pem, certs.ca->chain_pem, NULL);
  config_fixture_set (&row->private_key_pem, certs.leaf->key_pem);
  config_fixture_add_certificate (row);
  cfg = config_get_current ();
  cert = config_find_certificate (cfg, row->id);
  g_assert_cmpstr (cert->facts.subject, ==, "CN=leaf.example");
  g_assert_cmpstr (cert->facts.issuer, ==, "CN=ca.example");
  g_assert_cmpstr (cert->facts.names[0], ==, "leaf.example");
  g_assert_null (cert->facts.names[1]);
  g_assert_cmpuint (strlen (cert->facts.sha256), ==, 64);
  g_assert_true (cert->facts.not_before < now && cert->facts.not_after > now);
  g_assert_null (cert->last_error);
  g_assert_null (config_find_certificate (cfg, row->id + 1));
}

static void
test_faults (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) web = config_fixture_listener ("web", STORE_PROTOCOL_HTTPS, 443);
  g_autoptr (StoreListener) plain = config_fixture_listener ("plain", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreCertificate) row = config_fixture_certificate ("a.example", certs.good);
  static const char *const hosts[]
      = { "a.example", "b.example", "b.example", "*.c.example", "", "192.0.2.1" };
  g_autoptr (Config) cfg = NULL;
  const ConfigFault *fault;
  int64_t end;

  (void) fixture;
  (void) data;
  config_fixture_add_listener (web);
  config_fixture_add_listener (plain);
  for (unsigned i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/%u", i);
      g_autoptr (StoreRoute) route = config_fixture_route (web->id, path, hosts[i], path);
      g_autoptr (StoreRoute) other = config_fixture_route (plain->id, path, hosts[i], path);

      config_fixture_add_route (route);
      config_fixture_add_route (other);
    }
  config_fixture_add_certificate (row);
  cfg = config_get_current ();
  end = config_find_certificate (cfg, row->id)->facts.not_after;
  {
    g_autoptr (GArray) now = config_list_faults (cfg, end - 1);
    g_autoptr (GArray) later = config_list_faults (cfg, end);

    g_assert_cmpuint (now->len, ==, 1);
    fault = &g_array_index (now, ConfigFault, 0);
    g_assert_cmpint (fault->kind, ==, CONFIG_FAULT_CERTIFICATE_MISSING);
    g_assert_cmpint (fault->id, ==, web->id);
    g_assert_cmpuint (fault->count, ==, 2); /* hosts, not routes; an address has no SNI */
    g_assert_cmpuint (later->len, ==, 2);
    fault = &g_array_index (later, ConfigFault, 1);
    g_assert_cmpint (fault->kind, ==, CONFIG_FAULT_CERTIFICATE_EXPIRED);
    g_assert_cmpint (fault->id, ==, row->id);
  }
}

/* ---- Files ---- */

static void
write_file (const char *path, const char *text)
{
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static char *
error_of (int64_t id)
{
  g_autoptr (Config) cfg = config_get_current ();

  return g_strdup (config_find_certificate (cfg, id)->last_error);
}

static void
refresh (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (config_refresh (&error));
  g_assert_no_error (error);
}

static void
test_files (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) web = config_fixture_listener ("web", STORE_PROTOCOL_HTTPS, 443);
  g_autoptr (StoreCertificate) row = config_fixture_certificate ("a.example", NULL);
  g_autofree char *chain = g_build_filename (fixture->dir, "a.crt", NULL);
  g_autofree char *key = g_build_filename (fixture->dir, "a.key", NULL);
  g_autofree char *why = NULL;
  g_autoptr (P2pTlsCert) first = NULL, same = NULL, kept = NULL, changed = NULL;

  (void) data;
  config_fixture_add_listener (web);
  write_file (chain, certs.good->chain_pem);
  write_file (key, certs.good->key_pem);
  config_fixture_set (&row->certificate_path, chain);
  config_fixture_set (&row->private_key_path, key);
  config_fixture_add_certificate (row);
  g_assert_true (shows (web->id, "a.example", row));
  first = choose (web->id, "a.example");
  refresh ();
  same = choose (web->id, "a.example");
  g_assert_true (same == first);

  /* A key that does not fit leaves what is in force, and says so; even over changes of the row. */
  write_file (key, certs.another->key_pem);
  refresh ();
  kept = choose (web->id, "a.example");
  g_assert_true (kept == first);
  why = error_of (row->id);
  g_assert_nonnull (strstr (why, "does not belong"));
  g_assert_no_error (config_fixture_change (update, row));
  g_clear_pointer (&kept, p2p_tls_cert_unref);
  kept = choose (web->id, "a.example");
  g_assert_true (kept == first);

  write_file (chain, certs.another->chain_pem);
  refresh ();
  changed = choose (web->id, "a.example");
  g_assert_true (changed != first);
  g_clear_pointer (&why, g_free);
  why = error_of (row->id);
  g_assert_null (why);

  /* At the start there is nothing to keep: the name goes without, the rest runs. */
  g_assert_cmpint (g_remove (chain), ==, 0);
  config_fixture_restart (fixture);
  g_assert_true (shows_fallback (web->id, "a.example"));
  why = error_of (row->id);
  g_assert_nonnull (strstr (why, "No such file"));
  write_file (chain, certs.another->chain_pem);
  refresh ();
  g_assert_true (shows (web->id, "a.example", row));
  g_assert_false (shows_fallback (web->id, "a.example"));
}

/* ---- Renewal ---- */

static void
test_renewal (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) web = config_fixture_listener ("web", STORE_PROTOCOL_HTTPS, 443);
  g_autoptr (StoreCertificate) row
      = config_fixture_certificate ("a.example", certs.good); /* a day is left to it */
  g_autoptr (StoreCertificate) after = NULL;
  g_autoptr (GPtrArray) audit = NULL;
  StoreAuditFilter filter = { .resource = "certificates" };
  StoreTx *tx;

  (void) data;
  config_fixture_add_listener (web);
  row->source = STORE_CERTIFICATE_SELF_SIGNED;
  row->not_after = p2p_wall_ms () + 1000;
  config_fixture_add_certificate (row);
  tx = store_begin_read (fixture->store, NULL);
  after = store_certificate_get (tx, row->id, NULL);
  g_assert_cmpstr (after->certificate_pem, !=, certs.good->chain_pem);
  g_assert_cmpint (after->not_after, >, p2p_wall_ms () + CONFIG_CERT_RENEW_MS);
  audit = store_audit_list (tx, &filter, 0, 10, NULL);
  g_assert_cmpuint (audit->len, ==, 1);
  g_assert_cmpstr (((StoreAudit *) audit->pdata[0])->principal, ==, "system");
  g_assert_cmpstr (((StoreAudit *) audit->pdata[0])->action, ==, "renew");
  store_end (tx);
  g_assert_true (shows (web->id, "a.example", after));
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  config_fixture_add_test ("/config/certs/choice", test_choice);
  config_fixture_add_test ("/config/certs/both-keys", test_both_keys);
  config_fixture_add_test ("/config/certs/facts", test_facts);
  config_fixture_add_test ("/config/certs/faults", test_faults);
  config_fixture_add_test ("/config/certs/files", test_files);
  config_fixture_add_test ("/config/certs/renewal", test_renewal);
  return cert_samples_run ();
}
