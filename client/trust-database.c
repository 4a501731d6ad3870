/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A GTlsDatabase that finds every certificate to be of an unknown authority. It has no state, so
 * GLib may call it from its handshake threads. */
#include "client/trust-database.h"

struct _P2pTrustDatabase
{
  GTlsDatabase parent_instance;
};

G_DEFINE_FINAL_TYPE (P2pTrustDatabase, p2p_trust_database, G_TYPE_TLS_DATABASE)

static GTlsCertificateFlags
p2p_trust_database_verify_chain (G_GNUC_UNUSED GTlsDatabase           *database,
                                 G_GNUC_UNUSED GTlsCertificate        *chain,
                                 G_GNUC_UNUSED const char             *purpose,
                                 G_GNUC_UNUSED GSocketConnectable     *identity,
                                 G_GNUC_UNUSED GTlsInteraction        *interaction,
                                 G_GNUC_UNUSED GTlsDatabaseVerifyFlags flags,
                                 G_GNUC_UNUSED GCancellable           *cancellable,
                                 G_GNUC_UNUSED GError                **error)
{
  return G_TLS_CERTIFICATE_UNKNOWN_CA;
}

static void
p2p_trust_database_class_init (P2pTrustDatabaseClass *klass)
{
  G_TLS_DATABASE_CLASS (klass)->verify_chain = p2p_trust_database_verify_chain;
}

static void
p2p_trust_database_init (G_GNUC_UNUSED P2pTrustDatabase *self)
{
}

GTlsDatabase *
p2p_trust_database_new (void)
{
  return g_object_new (P2P_TYPE_TRUST_DATABASE, NULL);
}
