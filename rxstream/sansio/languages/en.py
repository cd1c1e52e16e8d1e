"""English."""

from rxstream.sansio.languages.rules import Rules, words

__all__ = ("ENGLISH",)

ENGLISH = Rules(
    never=words(
        # titles, before a name
        "Mr Mrs Ms Mx Dr Drs Prof Rev Hon Gen Col Maj Capt Cpt Lt Cmdr Adm Sgt Cpl Pvt Gov Pres Sen Rep Amb Supt",
        "Messrs Mme Mlle Fr Mt Ft",
        # what explains or compares
        "e.g i.e cf vs viz approx ca esp incl excl resp",
        # what has its name or number behind it
        "Fig Figs Eq Eqs Dept Univ Assn",
    ),
    maybe=words(
        "Inc Ltd Co co Corp LLC Bros Jr Sr Esq Ph.D M.Sc B.Sc Ed.D Ll.B St st Ave Blvd Rd Hwy Sq",
        "et al ibid est dept ext",
        "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat",
        "oz lb lbs ft yd yds hr hrs mins secs mph sq",
        "Calif Conn Fla Mass Mich Minn Okla Ore Tex Va Wis",
    ),
    before_number=words(
        "No no Nos nos Nr N° n° p pp Vol vol Vols Ch ch Chap chap Sec sec Sect Art art Pt pt Par para Ex Op op Ed",
        "fig figs eq eqs Ver ver tel Tel ext",
    ),
    starters=words(
        "i you he she it we they this that these those there here the a an my your his her its our their",
        "what who whom whose which when where why how if although though because since while after before until",
        "unless as in on at by for from with without to of and but or nor so yet then thus hence therefore",
        "however moreover furthermore meanwhile nevertheless nonetheless instead otherwise also again still even",
        "just only perhaps maybe now once later soon today tomorrow yesterday sometimes often usually finally",
        "first second next last did do does don't is are was were has have had can could will would shall should",
        "may might must let please no not yes well oh both each every either neither some any many most much few",
        "all another other such one two three several nobody nothing everyone everything someone something",
        "mr mrs ms dr",
    ),
    counted=words(
        "page pages step chapter part section version level option question number line rule table room day week",
        "of to than is are was were with and or at by in on for from as about over under only least most equals",
    ),
    lead_ins=words("at by from around about until till since before after in on near"),
    shouted=words("Yahoo! Jeopardy! Oklahoma! Yahoo Jeopardy Oklahoma"),
    pronoun="I",
)
