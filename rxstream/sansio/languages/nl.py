"""Dutch."""

from rxstream.sansio.languages.rules import Rules, words

__all__ = ("DUTCH",)

DUTCH = Rules(
    never=words(
        "dhr mevr mw mej mr drs dr ir ing prof ds Dhr Mevr Mw Drs Dr Ir Ing Prof Ds St Mr Mrs",
        "bijv bv o.a d.w.z m.a.w t.a.v m.b.t i.v.m i.p.v t.o.v n.a.v z.g zgn z.s.m ca circa evt incl excl",
        "vgl resp t.w w.o vs cf e.g i.e jl a.s",
    ),
    maybe=words(
        "jan feb mrt apr jun jul aug sep sept okt nov dec ma di wo do vr za zo",
        "N.V B.V Inc Ltd Corp Co v.Chr n.Chr Chr mln mld e.d e.a al jr sr",
    ),
    before_number=words("nr nrs no p pp blz pag art afb fig hfst dl tel par N° tab"),
    starters=words(
        "ik jij je u hij zij ze wij we jullie het de een dit dat deze die mijn jouw uw zijn haar ons onze hun wie wat",
        "welke welk waar wanneer waarom hoe of als dan omdat want maar en dus toch echter daarna daarom daarbij",
        "daarnaast verder bovendien ook nog nu toen hier daar er vandaag gisteren morgen misschien helaas eerst",
        "ten tot slot in op aan bij met na van voor tegen om over onder tussen tijdens volgens door uit zonder naar",
        "men alle alles veel sommige geen niemand niets iedereen elk elke is was waren heeft hebben had kan kunnen",
        "wordt worden ja nee terwijl hoewel toen sinds",
    ),
    lead_ins=words("om rond vanaf tot sinds voor na in op"),
    shouted=words("Yahoo!"),
    elided_start=True,
)
