"""Italian."""

from rxstream.sansio.languages.rules import Rules, words

__all__ = ("ITALIAN",)

ITALIAN = Rules(
    never=words(
        "Sig Sigg Sig.ra Sigra Sig.na Signa sig sigg sig.ra sig.na Dott dott Dott.ssa dott.ssa Dr Prof prof Prof.ssa",
        "prof.ssa Avv avv Ing ing Arch Geom Rag On Sen Gen Col Cap Ten Mons Don S SS Spett Gent Egr Mr Mrs",
        "p.es es ad.es cfr cf vs ca e.g i.e",
    ),
    maybe=words(
        "gen feb mar apr mag giu lug ago set sett ott nov dic lun mer gio ven sab dom",
        "S.p.A s.p.a S.r.l s.r.l Inc Ltd Soc F.lli a.C d.C ecc.mo al V.le P.za",
    ),
    before_number=words("n nn nº n° N° no p pp pag pagg vol voll cap art artt fig tel tav t sez par"),
    starters=words(
        "io tu lui lei noi voi loro egli ella essa esso essi il lo la i gli le l' un uno una un' dell' nell' all' dall' sull' quest' quell' questo questa questi",
        "queste quello quella quelli quelle ciò mio mia tuo tua suo sua nostro vostra che chi cosa quale quali quando",
        "dove come perché se ma e ed o oppure né però quindi dunque allora poi dopo prima infine inoltre tuttavia",
        "anche ancora ora adesso oggi ieri domani qui qua là così mentre benché sebbene poiché siccome in nel nella",
        "nei nelle a al alla ai alle di del della dei delle da dal dalla con su sul sulla per tra fra senza secondo",
        "tutto tutta tutti tutte ogni alcuni molti nessuno niente nulla è sono era erano ha hanno c' ci si mi ti vi",
        "sì no non grazie",
    ),
    lead_ins=words("alle verso dalle fino prima dopo in nel"),
    shouted=words("Yahoo!"),
    small_goes_on=True,
)
