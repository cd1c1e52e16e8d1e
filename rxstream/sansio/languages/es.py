"""Spanish."""

from rxstream.sansio.languages.rules import Rules, words

__all__ = ("SPANISH",)

SPANISH = Rules(
    never=words(
        "Sr Sra Sres Sras Srta Srtas D Dña Da Dr Dra Dres Prof Profa Lic Ing Arq Gral Cap Cnel Tte Mons Fr Sto Sta",
        "p.ej ej cf vs aprox e.g i.e Excmo Excma Ilmo Ilma Mr Mrs",
    ),
    maybe=words(
        "ene febr abr jun jul ago sept oct nov dic lun mié jue vie sáb",
        "Ud Uds Vd Vds EE.UU EE UU RR.HH S.A Cía Inc Ltd Ltda Corp Avda Av Jr C.A a.C d.C al",
    ),
    before_number=words("n no núm núms nº n° N° pág págs p pp vol vols cap art arts fig tel tomo t ed"),
    starters=words(
        "yo tú él ella ello nosotros vosotros ellos ellas usted ustedes el la los las lo un una unos unas este esta",
        "esto estos estas ese esa eso esos esas aquel aquella aquello mi mis tu tus su sus nuestro nuestra que qué",
        "quien quién cual cuál cuando cuándo donde dónde como cómo por porque para si sí no pero y e o u ni sino",
        "aunque mientras pues luego entonces después antes ahora hoy ayer mañana aquí allí así también tampoco además",
        "sin embargo finalmente primero en de del a al con desde hasta entre sobre según tras durante todo toda",
        "todos todas cada algunos muchos nadie nada hay es son era fue ha han está están se me te le les nos",
    ),
    lead_ins=words("a hacia desde hasta sobre en"),
    shouted=words("Yahoo!"),
    small_goes_on=True,
)
