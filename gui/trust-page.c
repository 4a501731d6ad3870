/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Shows the certificate of a server that is not trusted. Main thread. */
#include "gui/trust-page.h"

#include <glib/gi18n.h>

#include "gui/fact-row.h"

struct _P2pTrustPage
{
  AdwBin parent_instance;

  P2pConnector *connector;     /* (owned) */
  P2pCertificate *certificate; /* (owned) (nullable) the one that is shown */

  AdwWindowTitle *window_title; /* template children are borrowed */
  GtkImage *icon;
  GtkLabel *heading;
  GtkLabel *explanation;
  AdwPreferencesGroup *doubts;
  AdwActionRow *doubt_row;
  GtkLabel *fingerprint;
  AdwPreferencesGroup *old_group;
  GtkLabel *old_fingerprint;
  P2pFactRow *names;
  P2pFactRow *validity;
  P2pFactRow *subject;
  P2pFactRow *issuer;
  GtkButton *cancel_button;
  GtkButton *trust_button;
};

G_DEFINE_FINAL_TYPE (P2pTrustPage, p2p_trust_page, ADW_TYPE_BIN)

static char *
date_text (GDateTime *date)
{
  g_autoptr (GDateTime) local = date != NULL ? g_date_time_to_local (date) : NULL;

  /* Translators: a date, see strftime (3) */
  return local != NULL ? g_date_time_format (local, _("%-d %B %Y")) : g_strdup (_("unknown"));
}

static void
show_facts (P2pTrustPage *self, P2pDoubt doubt)
{
  P2pCertificate *certificate = self->certificate;
  g_autofree char *names = g_strjoinv (", ", (char **) p2p_certificate_get_names (certificate));
  g_autofree char *from = date_text (p2p_certificate_get_not_before (certificate));
  g_autofree char *until = date_text (p2p_certificate_get_not_after (certificate));
  /* Translators: two dates */
  g_autofree char *validity = g_strdup_printf (_("From %s until %s"), from, until);
  bool named = !(doubt & P2P_DOUBT_NAME);
  bool in_time = !(doubt & (P2P_DOUBT_EARLY | P2P_DOUBT_EXPIRED));

  p2p_fact_row_set (self->names, *names != '\0' ? names : _ ("No names"),
                    named ? P2P_FACT_GOOD : P2P_FACT_BAD,
                    named ? _ ("The address you typed is among them")
                          : _ ("The address you typed is not among them"));
  p2p_fact_row_set (self->validity, validity, in_time ? P2P_FACT_GOOD : P2P_FACT_BAD,
                    in_time                      ? _("Valid now")
                    : doubt & P2P_DOUBT_EXPIRED ? _("Expired")
                                                 : _("Not valid yet"));
  p2p_fact_row_set (self->subject, p2p_certificate_get_subject (certificate), P2P_FACT_PLAIN, NULL);
  p2p_fact_row_set (self->issuer,
                    p2p_certificate_is_self_signed (certificate)
                        ? _ ("Itself (self-signed)")
                        : p2p_certificate_get_issuer (certificate),
                    P2P_FACT_PLAIN, NULL);
}

static void
show_decision (P2pTrustPage *self, P2pDoubt doubt, const char *name)
{
  bool changed = doubt & P2P_DOUBT_CHANGED;
  bool hopeless = doubt & P2P_DOUBT_LASTING;
  g_autofree char *lasting = p2p_doubt_dup_text (doubt & P2P_DOUBT_LASTING,
                                                 p2p_certificate_get_address (self->certificate));
  g_autofree char *explanation
      = changed ? g_strdup_printf (
            _ ("%s shows another certificate than the one you trusted. Someone may be pretending "
               "to be your server. Trust it only if you know why it is another one and the "
               "fingerprints match."),
            name)
                : g_strdup_printf (
                    _ ("This is the first contact with %s, and nothing has been sent yet. Compare "
                       "the "
                       "fingerprint with the one on the server before you trust it."),
                    name);

  gtk_image_set_from_icon_name (self->icon, changed || hopeless ? "dialog-warning-symbolic"
                                                                : "security-medium-symbolic");
  gtk_widget_set_css_classes (GTK_WIDGET (self->icon),
                              (const char *[]){ changed || hopeless ? "warning" : "accent", NULL });
  gtk_label_set_text (self->heading,
                      changed ? _ ("The Certificate Has Changed") : _ ("Is This Your Server?"));
  gtk_label_set_text (self->explanation, explanation);
  gtk_widget_set_visible (GTK_WIDGET (self->doubts), hopeless);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->doubt_row), lasting);
  gtk_widget_set_sensitive (GTK_WIDGET (self->trust_button), !hopeless);
  if (changed)
    gtk_widget_add_css_class (GTK_WIDGET (self->trust_button), "destructive-action");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->trust_button), "destructive-action");
}

static void
show_certificate (P2pTrustPage *self)
{
  P2pProfile *profile = p2p_connector_get_profile (self->connector);
  const P2pPin *pin = p2p_profile_get_pin (profile);
  P2pDoubt doubt = p2p_certificate_judge (self->certificate, pin);
  g_autofree char *name = p2p_address_dup_display (p2p_certificate_get_address (self->certificate));
  g_autofree char *groups = p2p_pin_dup_groups (p2p_certificate_get_pin (self->certificate));
  g_autofree char *old = pin != NULL ? p2p_pin_dup_groups (pin) : NULL;

  adw_window_title_set_subtitle (self->window_title, name);
  gtk_label_set_text (self->fingerprint, groups);
  gtk_widget_set_visible (GTK_WIDGET (self->old_group), doubt & P2P_DOUBT_CHANGED);
  gtk_label_set_text (self->old_fingerprint, old != NULL ? old : "");
  show_facts (self, doubt);
  show_decision (self, doubt, name);
}

static void
connector_changed_cb (P2pTrustPage *self)
{
  if (p2p_connector_get_state (self->connector) != P2P_CONNECTOR_UNTRUSTED ||
      p2p_connector_get_busy (self->connector))
    return;
  g_set_object (&self->certificate, p2p_connector_get_certificate (self->connector));
  show_certificate (self);
}

static void
trust_clicked_cb (P2pTrustPage *self)
{
  gtk_widget_set_sensitive (GTK_WIDGET (self->trust_button),
                            FALSE); /* until the connector says what came of it */
  p2p_connector_trust (self->connector);
}

static void
copy_clicked_cb (P2pTrustPage *self)
{
  gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (self)),
                          gtk_label_get_text (self->fingerprint));
}

static gboolean
p2p_trust_page_grab_focus (GtkWidget *widget)
{
  return gtk_widget_grab_focus (GTK_WIDGET (P2P_TRUST_PAGE (widget)->cancel_button));
}

static void
p2p_trust_page_dispose (GObject *object)
{
  P2pTrustPage *self = P2P_TRUST_PAGE (object);

  gtk_widget_dispose_template (GTK_WIDGET (self), P2P_TYPE_TRUST_PAGE);
  g_clear_object (&self->connector);
  g_clear_object (&self->certificate);
  G_OBJECT_CLASS (p2p_trust_page_parent_class)->dispose (object);
}

static void
p2p_trust_page_class_init (P2pTrustPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  g_type_ensure (P2P_TYPE_FACT_ROW);
  G_OBJECT_CLASS (klass)->dispose = p2p_trust_page_dispose;
  widget_class->grab_focus = p2p_trust_page_grab_focus;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/p2pstream/Admin/trust-page.ui");
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, window_title);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, icon);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, heading);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, explanation);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, doubts);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, doubt_row);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, fingerprint);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, old_group);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, old_fingerprint);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, names);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, validity);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, subject);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, issuer);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, cancel_button);
  gtk_widget_class_bind_template_child (widget_class, P2pTrustPage, trust_button);
  gtk_widget_class_bind_template_callback (widget_class, trust_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, copy_clicked_cb);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "win.back", NULL);
}

static void
p2p_trust_page_init (P2pTrustPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

P2pTrustPage *
p2p_trust_page_new (P2pConnector *connector)
{
  P2pTrustPage *self = g_object_new (P2P_TYPE_TRUST_PAGE, NULL);

  self->connector = g_object_ref (connector);
  g_signal_connect_object (connector, "changed", G_CALLBACK (connector_changed_cb), self,
                           G_CONNECT_SWAPPED);
  return self;
}
