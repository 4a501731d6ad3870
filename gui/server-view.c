/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One server, signed in. Main thread. */
#include "gui/server-view.h"

#include <glib/gi18n.h>

#include "client/text.h"
#include "gui/resource-page.h"
#include "gui/section-row.h"

struct _P2pServerView
{
  AdwBin parent_instance;

  P2pServer *server;                        /* (owned) */
  P2pResourcePage *kind_pages[P2P_N_KINDS]; /* (borrowed: pages) */
  P2pKindId section;

  AdwLeaflet *leaflet; /* template children are borrowed */
  AdwHeaderBar *side_header;
  AdwHeaderBar *content_header;
  AdwWindowTitle *server_title;
  GtkListBox *sections;
  GtkImage *link_icon;
  GtkLabel *link_text;
  AdwWindowTitle *section_title;
  GtkButton *back;
  GtkStack *search_buttons;
  GtkRevealer *notice;
  GtkLabel *notice_text;
  GtkStack *pages;
};

G_DEFINE_FINAL_TYPE (P2pServerView, p2p_server_view, ADW_TYPE_BIN)

static void
server_changed_cb (P2pServerView *self)
{
  static const struct
  {
    const char *icon;
    const char *css;
    const char *text;
  } links[] = {
    [P2P_SERVER_LOADING] = { "content-loading-symbolic", "dim-label", N_("Connecting…") },
    [P2P_SERVER_ONLINE] = { "emblem-ok-symbolic", "success", N_("Connected") },
    [P2P_SERVER_LOST] = { "network-offline-symbolic", "error", N_("Connection Lost") },
  };
  P2pServerState state = p2p_server_get_state (self->server);
  int retry_s = p2p_server_get_retry_s (self->server);
  g_autofree char *error = p2p_text_dup_shown (p2p_server_get_error (self->server));
  g_autofree char *next = g_strdup_printf (
      ngettext ("Trying again in %d second.", "Trying again in %d seconds.", (unsigned) retry_s),
      retry_s);
  g_autofree char *text = g_strdup_printf ("%s. %s", error, next);

  gtk_image_set_from_icon_name (self->link_icon, links[state].icon);
  gtk_widget_set_css_classes (GTK_WIDGET (self->link_icon),
                              (const char *[]){ links[state].css, NULL });
  gtk_label_set_text (self->link_text, _(links[state].text));
  if (state == P2P_SERVER_LOST)
    gtk_label_set_text (self->notice_text, text);
  gtk_revealer_set_reveal_child (self->notice, state == P2P_SERVER_LOST);
}

void
p2p_server_view_show_section (P2pServerView *self, int section)
{
  if (section < 0 || section >= P2P_N_KINDS)
    return;
  self->section = (P2pKindId) section;
  gtk_stack_set_visible_child (self->pages, GTK_WIDGET (self->kind_pages[section]));
  gtk_list_box_select_row (self->sections, gtk_list_box_get_row_at_index (self->sections, section));
  adw_window_title_set_title (self->section_title, _(p2p_kind_get (self->section)->title));
  gtk_stack_set_visible_child_name (self->search_buttons, p2p_kind_get (self->section)->title);
  adw_leaflet_set_visible_child_name (self->leaflet, "content");
  gtk_widget_grab_focus (GTK_WIDGET (self->kind_pages[section]));
}

void
p2p_server_view_search (P2pServerView *self)
{
  adw_leaflet_set_visible_child_name (self->leaflet, "content");
  p2p_resource_page_search (self->kind_pages[self->section]);
}

static void
section_activated_cb (P2pServerView *self, GtkListBoxRow *row)
{
  p2p_server_view_show_section (self, gtk_list_box_row_get_index (row));
}

static void
back_clicked_cb (P2pServerView *self)
{
  adw_leaflet_navigate (self->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
}

static void
folded_cb (P2pServerView *self)
{
  bool folded = adw_leaflet_get_folded (self->leaflet);

  gtk_widget_set_visible (GTK_WIDGET (self->back), folded);
  adw_header_bar_set_show_end_title_buttons (self->side_header, folded);
  adw_header_bar_set_show_start_title_buttons (self->content_header, folded);
}

static void
add_section (P2pServerView *self, P2pKindId kind)
{
  const char *name = p2p_kind_get (kind)->title;
  GtkWidget *image = g_object_new (GTK_TYPE_IMAGE, "icon-name", "edit-find-symbolic",
                                   "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION, NULL);
  GtkWidget *button
      = g_object_new (GTK_TYPE_TOGGLE_BUTTON, "child", image, "tooltip-text", _ ("Search"), NULL);

  gtk_widget_add_css_class (button, "image-button");
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Search"), -1);
  self->kind_pages[kind] = p2p_resource_page_new (kind, self->server);
  p2p_resource_page_bind_search (self->kind_pages[kind], GTK_TOGGLE_BUTTON (button));
  gtk_stack_add_named (self->pages, GTK_WIDGET (self->kind_pages[kind]), name);
  gtk_stack_add_named (self->search_buttons, button, name);
  gtk_list_box_append (self->sections, GTK_WIDGET (p2p_section_row_new (kind, self->server)));
}

static gboolean
p2p_server_view_grab_focus (GtkWidget *widget)
{
  P2pServerView *self = P2P_SERVER_VIEW (widget);

  return gtk_widget_grab_focus (GTK_WIDGET (self->kind_pages[self->section]));
}

static void
p2p_server_view_dispose (GObject *object)
{
  P2pServerView *self = P2P_SERVER_VIEW (object);

  /* The bin's own child is one of the template: the template would take it from under the bin. */
  adw_bin_set_child (ADW_BIN (self), NULL);
  gtk_widget_dispose_template (GTK_WIDGET (self), P2P_TYPE_SERVER_VIEW);
  g_clear_object (&self->server);
  G_OBJECT_CLASS (p2p_server_view_parent_class)->dispose (object);
}

static void
p2p_server_view_class_init (P2pServerViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = p2p_server_view_dispose;
  widget_class->grab_focus = p2p_server_view_grab_focus;
  gtk_widget_class_set_template_from_resource (widget_class, "/org/p2pstream/Admin/server-view.ui");
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, leaflet);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, side_header);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, content_header);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, server_title);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, sections);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, link_icon);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, link_text);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, section_title);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, back);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, search_buttons);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, notice);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, notice_text);
  gtk_widget_class_bind_template_child (widget_class, P2pServerView, pages);
  gtk_widget_class_bind_template_callback (widget_class, section_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, back_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, folded_cb);
}

static void
p2p_server_view_init (P2pServerView *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

P2pServerView *
p2p_server_view_new (P2pServer *server, P2pProfile *profile, const P2pUser *user)
{
  P2pServerView *self = g_object_new (P2P_TYPE_SERVER_VIEW, NULL);
  g_autofree char *name = p2p_text_dup_shown (p2p_profile_get_name (profile));

  self->server = g_object_ref (server);
  for (int kind = 0; kind < P2P_N_KINDS; kind++)
    add_section (self, (P2pKindId) kind);
  adw_window_title_set_title (self->server_title, name);
  adw_window_title_set_subtitle (self->server_title, user->username);
  g_signal_connect_object (server, "changed", G_CALLBACK (server_changed_cb), self,
                           G_CONNECT_SWAPPED);
  server_changed_cb (self);
  p2p_server_view_show_section (self, P2P_KIND_LISTENERS);
  folded_cb (self);
  return self;
}
