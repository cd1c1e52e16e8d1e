"""Portuguese."""

from rxstream.sansio.languages.rules import Rules, words

__all__ = ("PORTUGUESE",)

PORTUGUESE = Rules(
    never=words(
        "Sr Sra Srs Sras Srta Srtas Dr Dra Drs Dras Prof Profa Eng Arq D Dom Gen Cel Cap Ten Sto Sta Exmo Exma Ilmo",
        "Ilma Mr Mrs p.ex ex cf vs aprox e.g i.e",
    ),
    maybe=words(
        "jan fev abr mai jun jul ago set out nov dez seg ter qua qui sex sáb",
        "Ltda Cia Inc Ltd Corp S.A Av Jr a.C d.C E.U.A al",
    ),
    before_number=words("n no nº n° N° núm p pp pág págs vol vols cap art arts fig tel t ed séc"),
    starters=words(
        "eu tu você vocês ele ela eles elas nós vós o a os as um uma uns umas este esta isto estes estas esse essa",
        "isso esses essas aquele aquela aquilo meu minha teu tua seu sua seus suas nosso nossa que quem qual quais",
        "quando onde como por porque porquê para se mas e ou nem porém contudo entretanto todavia logo então depois",
        "antes agora hoje ontem amanhã aqui ali lá assim também além finalmente primeiro embora enquanto pois em no",
        "na nos nas de do da dos das ao à aos às com sem sobre entre até desde segundo durante tudo todo toda todos",
        "todas cada alguns muitos ninguém nada há é são era foi está estão não sim obrigado obrigada",
    ),
    lead_ins=words("às pelas até desde por em"),
    shouted=words("Yahoo!"),
    small_goes_on=True,
)
