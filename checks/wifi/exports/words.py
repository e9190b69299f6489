"""Words that people put in passwords: what an attacker tries first against a care home in France.

Own short lists. A word that is not here but looks like one is still priced as a word (`passwords`), so the lists
only need what is more common than a dictionary.
"""

from __future__ import annotations

_COMMON = """
    password motdepasse passe passwd pass admin administrateur administrator root user utilisateur test default defaut
    welcome bienvenue bonjour hello soleil azerty qwerty qwertz azertyuiop qwertyuiop letmein secret secure securite
    security changeme changezmoi wifi wireless internet reseau network guest invite invites visiteur visiteurs public
    connexion access acces box livebox freebox bbox neufbox router routeur master monkey dragon football princess
    princesse iloveyou jetaime doudou loulou chouchou marseille paris chocolat coucou nicolas camille julien thomas
    sunshine superman batman shadow trustno freedom whatever computer ordinateur
"""
COMMON = frozenset(_COMMON.split())
"""Words at the top of every published list of leaked passwords, French and English, and default words of equipment."""

_CARE = """
    ehpad maison retraite residence resident residents foyer accueil soins soin sante hopital clinique infirmerie
    infirmier infirmiere aide soignant soignante medical medecin docteur pharmacie salle repos bureau direction
    directeur directrice secretariat cuisine restaurant animation atelier famille familles mamie papi papy chambre
    etage jardin parc tilleul tilleuls chene chenes rose roses lilas mimosas glycines marronniers platanes cedre cedres
    pins acacias bleuets hortensias magnolia olivier oliviers verger vergers source fontaine moulin chateau abbaye
    saint sainte notre dame joseph marie jeanne louis vincent paul anne croix rouge bleu bleue vert verte blanc jaune
    soleils ensoleillee belle vue bellevue beausejour esperance amitie solidarite esms esat fam mas ime itep sessad
    ssiad cpom ccas mutuelle association fondation groupe pro professionnel professionnels personnel staff equipe
    tablette tablettes planning netsoins titan osiris
"""
CARE = frozenset(_CARE.split())
"""Words of the trade, and names that such houses bear."""

_CALENDAR = """
    janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre lundi mardi mercredi jeudi
    vendredi samedi dimanche printemps ete automne hiver noel paques january february march april may june july
    august september october november december monday tuesday wednesday thursday friday saturday sunday spring summer
    autumn winter christmas
"""
CALENDAR = frozenset(_CALENDAR.split())

_GENERAL = """
    chat chien cheval lapin oiseau poisson papillon fleur arbre foret montagne riviere ocean plage lune etoile ciel
    nuage pluie neige vent orage feu terre eau pierre sable maison porte fenetre table chaise lampe livre papier stylo
    voiture velo moto train avion bateau route rue place ville village campagne pays france monde matin midi soir nuit
    jour semaine mois annee heure minute amour amis amie bonheur joie rire sourire musique danse chanson guitare piano
    pomme poire cerise fraise orange citron banane raisin fromage pain vin cafe sucre chocolats gateau galette crepe
    grand grande petit petite nouveau nouvelle vieux jeune beau belle bon bonne mauvais rapide lent fort faible doux
    manger boire dormir courir marcher jouer lire ecrire parler ecouter regarder chercher trouver donner prendre
    cat dog horse bird fish butterfly flower tree forest mountain river ocean beach moon star sky cloud rain snow wind
    storm fire earth water stone house door window table chair lamp book paper car bike train plane boat road street
    city village country world morning noon evening night day week month year love friend happy smile music dance song
    apple pear cherry strawberry lemon banana grape cheese bread wine coffee sugar cake big small new old young
    correct staple battery purple green black white silver golden winner lucky angel
"""
GENERAL = frozenset(_GENERAL.split())
"""Everyday words."""

KEYBOARD = (
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1234567890",
    "0123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "1a2z3e4r5t6y7u8i9o0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "aqwzsxedcrfvtgbyhnuj",
    "qazwsxedcrfvtgbyhnuj",
)
"""Rows and columns of French and English keyboards, and sequences; read both ways."""
